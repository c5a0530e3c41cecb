// Layout, data pattern and forcing of NCCL calls, without NCCL: each op is carried out in plain loops
// on buffers laid out as the real call's are, and the result is held against `expected_value`.
#include <gtest/gtest.h>

#include <cstdlib>

#include "real/nccl/collective_layout.hpp"
#include "real/nccl/forcing.hpp"
#include "real/nccl/pattern.hpp"

namespace windtunnel::real {
namespace {

using collectives::Op;

using Buffers = std::vector<std::vector<double>>;  // by rank

// What every rank's receive part holds after the op, by definition of the op.
double by_definition(const CollectiveCall& call, const Buffers& sent, std::int64_t rank,
                     std::int64_t i) {
  const auto part = [&](std::int64_t from, std::int64_t at) {
    return sent[static_cast<std::size_t>(from)][static_cast<std::size_t>(at)];
  };
  double sum = 0.0;
  switch (call.op) {
    case Op::all_gather:
      return part(i / call.unit, i % call.unit);
    case Op::all_to_all:
      return part(i / call.unit, rank * call.unit + i % call.unit);
    case Op::broadcast:
      return part(0, i);
    case Op::send_recv:
      return part((rank + call.ranks - 1) % call.ranks, i);
    case Op::reduce_scatter:
      for (std::int64_t q = 0; q < call.ranks; ++q) sum += part(q, rank * call.unit + i);
      return sum;
    case Op::all_reduce:
    case Op::reduce:
      for (std::int64_t q = 0; q < call.ranks; ++q) sum += part(q, i);
      return sum;
  }
  return sum;
}

TEST(CollectivePattern, ExpectedValueIsWhatTheOpsDefinitionGives) {
  for (const Op op : collectives::kOps)
    for (const std::int64_t ranks : {1, 2, 3, 8}) {
      const CollectiveCall call =
          call_of({op, Placement::out_of_place, ranks, 0, Element::fp32}, 960);
      const Pattern pattern = pattern_for(ranks, call.type);
      Buffers sent(static_cast<std::size_t>(ranks));
      for (std::int64_t rank = 0; rank < ranks; ++rank)
        for (std::int64_t i = 0; i < send_elements(call); ++i)
          sent[static_cast<std::size_t>(rank)].push_back(pattern_value(pattern.mask, rank, i));
      for (std::int64_t rank = 0; rank < ranks; ++rank)
        for (std::int64_t i = 0; i < receive_elements(call); ++i)
          ASSERT_EQ(expected_value({op, ranks, call.unit, rank, 0, pattern.mask}, i),
                    by_definition(call, sent, rank, i))
              << to_text(op) << " of " << ranks << ", rank " << rank << ", element " << i;
    }
}

TEST(CollectivePattern, SumsAreExactInTheTypeAndValuesDiffer) {
  for (const std::int64_t ranks : {1, 2, 8, 64, 256}) {
    EXPECT_LE(ranks * static_cast<std::int64_t>(pattern_for(ranks, Element::bf16).mask), 256);
    EXPECT_LE(ranks * static_cast<std::int64_t>(pattern_for(ranks, Element::fp16).mask), 2048);
    EXPECT_EQ(pattern_for(ranks, Element::bf16).tolerance, 0.0);
  }
  EXPECT_EQ(pattern_for(8, Element::fp32).mask, 255U);
  EXPECT_GT(pattern_for(1024, Element::bf16).tolerance, 0.0);
  int differing = 0;
  for (std::int64_t i = 0; i < 100; ++i)
    differing += pattern_value(255, 0, i) != pattern_value(255, 1, i);
  EXPECT_GT(differing, 90);
}

TEST(CollectiveLayout, SizeIsThatOfTheLargerBufferAsInNcclTests) {
  const auto at = [](Op op) {
    return call_of({op, Placement::out_of_place, 4, 0, Element::fp32}, 1 << 20);
  };
  EXPECT_EQ(send_elements(at(Op::all_gather)) * 4, receive_elements(at(Op::all_gather)));
  EXPECT_EQ(send_elements(at(Op::reduce_scatter)), 4 * receive_elements(at(Op::reduce_scatter)));
  EXPECT_EQ(send_elements(at(Op::all_to_all)), receive_elements(at(Op::all_to_all)));
  for (const Op op : collectives::kOps) EXPECT_EQ(call_bytes(at(op)), 1 << 20) << to_text(op);
}

TEST(CollectiveLayout, SizesRoundDownToWholePartsAndNeverUp) {
  for (const Op op : collectives::kOps)
    for (const std::int64_t ranks : {1, 3, 7, 8})
      for (std::int64_t bytes = 0; bytes < 5000; bytes += 13) {
        const CollectiveCall call =
            call_of({op, Placement::out_of_place, ranks, 0, Element::bf16}, bytes);
        EXPECT_LE(call_bytes(call), bytes);
        EXPECT_GT(call_bytes(call) + 16 * ranks, bytes);
      }
}

TEST(CollectiveLayout, InPlacePartsLieInsideTheOneBufferAndDoNotMeetTheNextRanks) {
  for (const Op op : collectives::kOps) {
    if (!allows(op, Placement::in_place)) continue;
    const CollectiveCall call = call_of({op, Placement::in_place, 8, 0, Element::fp32}, 4096);
    for (std::int64_t rank = 0; rank < 8; ++rank) {
      EXPECT_LE(send_offset(call, rank) + send_elements(call), buffer_elements(call));
      EXPECT_LE(receive_offset(call, rank) + receive_elements(call), buffer_elements(call));
    }
  }
  EXPECT_FALSE(allows(Op::all_to_all, Placement::in_place));
}

TEST(CollectiveLayout, ASweepDoublesFromEightBytesToEightGibibytes) {
  const auto sizes = sweep_sizes(8, std::int64_t{8} << 30, 2.0);
  ASSERT_EQ(sizes.size(), 31U);
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(sizes[i], std::int64_t{8} << i);
  for (const std::int64_t size : sweep_sizes(8, 1000, 1.1)) EXPECT_EQ(size % 4, 0);
}

TEST(NcclForcing, NothingWishedIsNcclsOwnChoiceAlone) {
  const SettingList list = nccl_settings(Op::all_reduce, {});
  ASSERT_EQ(list.settings.size(), 1U);
  EXPECT_EQ(list.settings[0], NcclSetting{});
}

TEST(NcclForcing, AlgorithmsThatAnOpLacksAreLeftOutAndUnknownWordsNamed) {
  CollectiveWish wish;
  wish.algorithms = {"ring", "double_binary_tree", "quantum"};
  wish.protocols = {"ll", "Simple"};
  const SettingList reduce = nccl_settings(Op::all_reduce, wish);
  EXPECT_EQ(reduce.settings.size(), 4U);
  EXPECT_EQ(reduce.unknown, std::vector<std::string>{"quantum"});
  const SettingList broadcast = nccl_settings(Op::broadcast, wish);
  ASSERT_EQ(broadcast.settings.size(), 2U);
  EXPECT_EQ(broadcast.settings[0].algorithm, "Ring");
}

TEST(NcclForcing, AllIsEveryPairThatExistsAndOnlyRingsAndTreesHaveThreeProtocols) {
  CollectiveWish wish;
  wish.algorithms = wish.protocols = {"all"};
  // Tree and Ring with three each, the four others with Simple.
  EXPECT_EQ(nccl_settings(Op::all_reduce, wish).settings.size(), 10U);
}

TEST(NcclForcing, TheEnvironmentIsAsBeforeAfterwards) {
  ::setenv("NCCL_ALGO", "Ring", 1);
  ::unsetenv("NCCL_PROTO");
  {
    const ForcedEnvironment forced({"Tree", "LL"});
    EXPECT_STREQ(std::getenv("NCCL_ALGO"), "Tree");
    EXPECT_STREQ(std::getenv("NCCL_PROTO"), "LL");
  }
  EXPECT_STREQ(std::getenv("NCCL_ALGO"), "Ring");
  EXPECT_EQ(std::getenv("NCCL_PROTO"), nullptr);
  { const ForcedEnvironment free(NcclSetting{}); }
  EXPECT_STREQ(std::getenv("NCCL_ALGO"), "Ring");
  ::unsetenv("NCCL_ALGO");
}

}  // namespace
}  // namespace windtunnel::real
