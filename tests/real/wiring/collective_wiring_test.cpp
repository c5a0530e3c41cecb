// NCCL calls as they are queued on several GPUs of one process, against an NCCL that carries them out
// by definition on the host.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "real/nccl/device/collective_benchmarks.hpp"
#include "real/nccl/device/collective_run.hpp"
#include "real/nccl/device/pattern_kernels.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

namespace windtunnel::real {
namespace {

using collectives::Op;

class CollectiveWiring : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    ::setenv("WINDTUNNEL_NCCL", "", 1);
    fake::reset(4, GetParam());
    use_device(0);
  }
  static std::vector<int> devices(int count) {
    std::vector<int> out;
    for (int i = 0; i < count; ++i) out.push_back(i);
    return out;
  }
  NoPeers peers;
};

TEST_P(CollectiveWiring, EveryOpDeliversThePatternInAndOutOfPlaceOnOneToFourGpus) {
  for (const int ranks : {1, 2, 4}) {
    const auto clique =
        std::make_shared<const NcclClique>(NcclApi::load(), devices(ranks), peers, NcclSetting{});
    for (const Op op : collectives::kOps)
      for (const Placement placement : {Placement::out_of_place, Placement::in_place})
        for (const Element type : {Element::fp32, Element::bf16})
          for (const std::int64_t bytes : {16, 1000, 4096}) {
            if (!allows(op, placement)) continue;
            const CollectiveCall call = call_of({op, placement, ranks, 0, type}, bytes);
            if (call.unit == 0) continue;
            CollectiveRun run(clique, call, Reduction::sum);
            run.issue();
            EXPECT_EQ(run.check_data(), "") << to_text(op) << " of " << ranks << ", " << bytes;
            run.issue();
            run.wait();
          }
  }
}

TEST_P(CollectiveWiring, WrongDataAreCountedByRank) {
  const auto clique =
      std::make_shared<const NcclClique>(NcclApi::load(), devices(2), peers, NcclSetting{});
  // An all-gather checked as if it were another op of the same sizes: nearly all is wrong.
  const CollectiveCall call = call_of({Op::all_to_all, Placement::out_of_place, 2, 0}, 800);
  clique->each([&](const NcclClique::Member& member) {
    const DeviceBuffer data(800), found(sizeof(Mismatches));
    const Mismatches none;
    copy_to_device(found.data(), &none, sizeof(none));
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    PatternFill fill;
    fill.out = data.data();
    fill.count = 200;
    fill.rank = member.rank;
    fill.mask = 255;
    fill_pattern(fill, member.stream->get());
    PatternCheck checked;
    checked.data = data.data();
    checked.count = 200;
    checked.expectation = {Op::all_to_all, 2, call.unit, member.rank, 0, 255};
    checked.found = found.as<Mismatches>();
    check_pattern(checked, member.stream->get());
    member.stream->wait();
    Mismatches result;
    copy_to_host(&result, found.data(), sizeof(result));
    EXPECT_GT(result.count, 90U);
    EXPECT_LT(result.first, 200U);
  });
}

TEST_P(CollectiveWiring, TwoRanksOnOneGpuAreRefusedInWords) {
  try {
    const NcclClique clique(NcclApi::load(), {1, 1}, peers, {});
    FAIL() << "two ranks shared a GPU";
  } catch (const base::EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("ranks 0 and 1 would share one GPU"),
              std::string::npos);
  }
}

TEST_P(CollectiveWiring, TheStopwatchTimesTheSlowestMemberFromABarrierOn) {
  const auto clique =
      std::make_shared<const NcclClique>(NcclApi::load(), devices(3), peers, NcclSetting{});
  CollectiveRun run(clique, call_of({Op::all_reduce, Placement::in_place, 3, 0}, 1024),
                    Reduction::sum);
  EXPECT_TRUE(run.feeds_on_itself());
  const base::Seconds one = run.stopwatch().time([&](std::int64_t) { run.issue(); }, 0, 1);
  const base::Seconds many = run.stopwatch().time([&](std::int64_t) { run.issue(); }, 1, 50);
  EXPECT_GT(one.value(), 0.0);
  EXPECT_GT(many.value(), 10 * one.value());
}

CollectiveSite site_of(int gpus, Peers& peers) {
  CollectiveSite site;
  for (int i = 0; i < gpus; ++i) site.devices.push_back(i);
  site.peers = [&peers]() -> Peers& { return peers; };
  return site;
}

// The life that a sweep gives a point.
Fields measured(const Point& point) {
  const Prepared prepared = point.prepare();
  prepared.stopwatch->time(prepared.run, 0, 1);
  EXPECT_EQ(prepared.check(), "") << field(point.fields, "op");
  EXPECT_GT(prepared.stopwatch->time(prepared.run, 1, 3).value(), 0.0);
  Fields row = point.fields;
  set_fields(row, prepared.more_fields());
  return row;
}

TEST_P(CollectiveWiring, PointsOfASweepAreMeasurableAndSayWhoTookPart) {
  Selection selection;
  selection.collective.from = base::Bytes(8);
  selection.collective.to = base::Bytes(4096);
  selection.collective.factor = 8.0;
  std::size_t points = 0;
  for (const Benchmark& benchmark : collective_benchmarks(selection, site_of(4, peers)))
    for (const Point& point : benchmark.points) {
      const Fields row = measured(point);
      EXPECT_EQ(field(row, "ranks"), "4");
      EXPECT_EQ(field(row, "nodes"), "1");
      EXPECT_EQ(field(row, "gpus_per_node"), "4");
      EXPECT_EQ(field(row, "launch"), "one_process_per_node");
      EXPECT_EQ(field(row, "stack"), "NCCL 2.28.9");
      const bool estimated = benchmark.name != "all_to_all" && benchmark.name != "send_recv";
      EXPECT_EQ(field(row, "estimate_s"), estimated ? "4.2e-05" : "");
      for (const auto& [name, value] : row)
        EXPECT_EQ(std::count(columns().begin(), columns().end(), name), 1) << name;
      ++points;
    }
  EXPECT_GT(points, 40U);
}

TEST_P(CollectiveWiring, AnAlgorithmThatNcclLacksIsLeftOutAndOthersGoOn) {
  Selection selection;
  selection.collective.ops = {"all_reduce"};
  selection.collective.algorithms = {"ring", "nvls", "tree"};
  selection.collective.from = selection.collective.to = base::Bytes(1024);
  const auto benchmarks = collective_benchmarks(selection, site_of(2, peers));
  ASSERT_EQ(benchmarks.size(), 1U);
  int refused = 0;
  for (const Point& point : benchmarks[0].points) {
    if (field(point.fields, "algorithm") == "nvls") {
      EXPECT_THROW(point.prepare(), PointRefused);
      ++refused;
    } else {
      measured(point);
    }
  }
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(benchmarks[0].points.size(), 6U);
}

TEST_P(CollectiveWiring, OneGpuMeasuresOneRankAndSaysWhatItCannot) {
  Selection selection;
  selection.collective.from = base::Bytes(1024);
  selection.collective.to = base::Bytes(4096);
  const auto benchmarks = collective_benchmarks(selection, site_of(1, peers));
  bool own_kernel = false;
  for (const Benchmark& benchmark : benchmarks)
    for (const Point& point : benchmark.points) {
      if (benchmark.name == "between_gpus") {
        EXPECT_THROW(point.prepare(), PointRefused);
        continue;
      }
      const Fields row = measured(point);
      EXPECT_EQ(field(row, "ranks"), "1");
      own_kernel = own_kernel || field(row, "implementation") == "scaled_sum";
    }
  EXPECT_EQ(benchmarks.back().name, "between_gpus");
  EXPECT_TRUE(own_kernel);
}

TEST_P(CollectiveWiring, WordsThatMeanNothingAreInputErrors) {
  Selection selection;
  selection.collective.ops = {"all_recude"};
  EXPECT_THROW(collective_benchmarks(selection, site_of(2, peers)), base::InputError);
  selection.collective.ops = {"all_reduce"};
  selection.collective.protocols = {"complicated"};
  EXPECT_THROW(collective_benchmarks(selection, site_of(2, peers)), base::InputError);
}

INSTANTIATE_TEST_SUITE_P(Schedules, CollectiveWiring, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace windtunnel::real
