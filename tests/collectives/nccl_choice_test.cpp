// What NCCL chooses, where it switches, and laws that its model obeys whatever the machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/base/contract.hpp"
#include "tests/collectives/nccl_topologies.hpp"

namespace windtunnel::collectives::nccl {
namespace {

constexpr double kKib = 1024;
constexpr double kMib = 1024 * kKib;
constexpr double kGib = 1024 * kMib;

std::vector<double> sizes() {
  std::vector<double> out;
  for (double size = 8; size <= 8 * kGib; size *= 2) out.push_back(size);
  return out;
}

std::set<std::string> names_chosen(const Tuner& tuner, Op op) {
  std::set<std::string> names;
  for (const double size : sizes()) names.insert(tuner.decide(op, base::Bytes(size)).nccl_name);
  return names;
}

bool uses_nvls(const Topology& topology) {
  return names_chosen(test::tuner(topology), Op::all_reduce).contains("NVLS/Simple");
}

TEST(NcclChoice, EightH200TakeRingLowLatencyToOneMebibyteAndNvlsFromTwo) {
  const Tuner tuner = test::tuner(test::hopper(1, 8));
  for (const double size : sizes()) {
    const Decision decision = tuner.decide(Op::all_reduce, base::Bytes(size));
    EXPECT_EQ(decision.nccl_name, size <= kMib ? "Ring/LL" : "NVLS/Simple") << size;
  }
}

TEST(NcclChoice, NvlsIsUsedFromFiveGpusOnH200AndSixOnB200) {
  for (int gpus = 2; gpus <= 8; ++gpus) {
    EXPECT_EQ(uses_nvls(test::hopper(1, gpus)), gpus >= 5) << gpus << " H200";
    EXPECT_EQ(uses_nvls(test::blackwell(1, gpus)), gpus >= 6) << gpus << " B200";
  }
}

TEST(NcclChoice, SmallMessagesOverManyNodesGoByTreeAndLargeOnesDoNot) {
  const Tuner tuner = test::tuner(test::hopper(16, 8));
  const Decision small = tuner.decide(Op::all_reduce, base::Bytes(8));
  EXPECT_EQ(small.nccl_name, "Tree/LL");
  EXPECT_EQ(small.algorithm, Algorithm::double_binary_tree);
  const Decision large = tuner.decide(Op::all_reduce, base::Bytes(8 * kGib));
  EXPECT_EQ(large.nccl_name, "Ring/Simple");
}

TEST(NcclChoice, TwoHopperNodesMayCountBothDirectionsOfTheNics) {
  const Tuner tuner = test::tuner(test::hopper(2, 8));
  const Decision decision = tuner.decide(Op::all_reduce, base::Bytes(8 * kGib));
  EXPECT_EQ(decision.nccl_name, "NVLSTree/Simple");
  // 8 heads x 57.7 GB/s; NVIDIA's users measure 466 to 487 GB/s over 8 NICs of 50 GB/s.
  EXPECT_NEAR(decision.chosen->bandwidth.value() * bus_factor(Op::all_reduce, 16), 461.6e9, 1e6);
}

TEST(NcclChoice, TheChosenTimeIsTheLeastOfAll) {
  for (const int nodes : {1, 2, 3, 16}) {
    const Tuner tuner = test::tuner(test::hopper(nodes, 8));
    for (const Op op : {Op::all_reduce, Op::all_gather, Op::reduce_scatter, Op::broadcast}) {
      for (const double size : sizes()) {
        const Decision decision = tuner.decide(op, base::Bytes(size));
        ASSERT_TRUE(decision.chosen);
        EXPECT_TRUE(std::is_sorted(decision.others.begin(), decision.others.end(),
                                   [](const auto& a, const auto& b) { return a.time < b.time; }));
        ASSERT_NE(decision.runner_up(), nullptr);
        EXPECT_LE(decision.chosen->time, decision.runner_up()->time);
      }
    }
  }
}

TEST(NcclChoice, EveryEntryTakesLongerForMoreBytesApartFromTheStepsOfTheTreeCorrection) {
  for (const int nodes : {1, 2, 16}) {
    const Tuner tuner = test::tuner(test::hopper(nodes, 8));
    for (const Op op : {Op::all_reduce, Op::all_gather, Op::broadcast}) {
      for (const TableEntry& row : tuner.model().table(op)) {
        if (!row.disabled.empty()) continue;
        base::Seconds before(0);
        for (const double size : sizes()) {
          const base::Seconds now = tuner.model().time(op, row, base::Bytes(size));
          EXPECT_GE(now, before) << to_text(row.algorithm) << " " << size;
          before = now;
        }
      }
    }
  }
}

TEST(NcclChoice, LatencyGrowsWithNodesAndBandwidthOfTheRingDoesNot) {
  for (const Protocol protocol : kProtocols) {
    base::Seconds latency(0);
    base::BytesPerSecond bandwidth = base::BytesPerSecond::infinity();
    for (const int nodes : {3, 4, 8, 16, 64}) {
      const Tuner tuner = test::tuner(test::hopper(nodes, 8));
      const TableEntry row = test::entry(tuner, Op::all_reduce, NcclAlgorithm::ring, protocol);
      EXPECT_GT(row.latency, latency);
      EXPECT_LE(row.bandwidth, bandwidth);
      latency = row.latency;
      bandwidth = row.bandwidth;
    }
  }
}

TEST(NcclChoice, RingBandwidthOverNodesIsThatOfTheNicsInUse) {
  for (const int gpus : {1, 2, 4, 8}) {
    const Tuner tuner = test::tuner(test::hopper(10, gpus));
    const TableEntry row =
        test::entry(tuner, Op::all_reduce, NcclAlgorithm::ring, Protocol::simple);
    EXPECT_NEAR(row.bandwidth.value() * bus_factor(Op::all_reduce, 10 * gpus), gpus * 48e9, 1e3);
  }
}

TEST(NcclChoice, Version219PrefersRingWhereVersion228TakesTree) {
  // Without LL128, whose tree hop did not change.
  Topology topology = test::ampere(4, 8);
  topology.nics_near_gpus = false;
  const Tuner before = test::tuner(topology, "2.19.3");
  const Tuner now = test::tuner(topology, "2.28.9");
  int differ = 0;
  for (const double size : sizes()) {
    const Algorithm old_choice = before.decide(Op::all_reduce, base::Bytes(size)).algorithm;
    const Algorithm new_choice = now.decide(Op::all_reduce, base::Bytes(size)).algorithm;
    if (old_choice == Algorithm::ring && new_choice == Algorithm::double_binary_tree) ++differ;
    EXPECT_FALSE(old_choice == Algorithm::double_binary_tree && new_choice == Algorithm::ring)
        << size;
  }
  EXPECT_GT(differ, 0);
}

TEST(NcclChoice, PatNeedsVersion223AndOneRankANode) {
  const auto pat = [](int gpus, std::string_view version) {
    return test::entry(test::tuner(test::hopper(16, gpus), version), Op::all_gather,
                       NcclAlgorithm::pat, Protocol::simple)
        .disabled;
  };
  EXPECT_EQ(pat(1, "2.28.9"), "");
  EXPECT_EQ(pat(8, "2.28.9"), "PAT needs exactly one rank a node");
  EXPECT_EQ(pat(1, "2.21.5"), "not in this version of NCCL");
}

TEST(NcclChoice, GathersUseNvlsInTheTableOnlyFrom227) {
  const auto disabled = [](std::string_view version) {
    return test::entry(test::tuner(test::hopper(1, 8), version), Op::all_gather,
                       NcclAlgorithm::nvls, Protocol::simple)
        .disabled;
  };
  EXPECT_EQ(disabled("2.27.7"), "");
  EXPECT_EQ(disabled("2.26.2"), "not in this version of NCCL");
}

TEST(NcclChoice, AskedVersionsFindTheFileThatSpeaksForThem) {
  EXPECT_EQ(constants("2.18.1").version, "2.18.5");
  EXPECT_EQ(constants("2.19.3").version, "2.21.5");
  EXPECT_EQ(constants("2.22.3").version, "2.21.5");
  EXPECT_EQ(constants("2.26").version, "2.23.4");
  EXPECT_EQ(constants("2.29.2").version, "2.28.9");
  EXPECT_EQ(constants("3.0").version, "2.30.7");
  EXPECT_EQ(versions(),
            (std::vector<std::string>{"2.18.5", "2.21.5", "2.23.4", "2.27.7", "2.28.9", "2.30.7"}));
  EXPECT_THROW(constants("latest"), base::ContractViolation);
}

TEST(NcclChoice, OlderVersionsTakeWhatTheyDoNotStateFromTheirBase) {
  EXPECT_DOUBLE_EQ(constants("2.18.5").nvls_base_ratio, 5.0 / 6.0);
  EXPECT_EQ(constants("2.18.5").nvls_model, NvlsModel::graph);
  EXPECT_FALSE(constants("2.18.5").pat_available);
  const std::size_t tree = index_of(NcclAlgorithm::tree);
  EXPECT_DOUBLE_EQ(constants("2.20.5").nvlink_hop[tree][2].value(), 28e-6);
  EXPECT_DOUBLE_EQ(constants("2.23.4").nvlink_hop[tree][2].value(), 4e-6);
}

TEST(NcclChoice, AForcedProtocolOrAlgorithmLeavesOnlyThose) {
  const Tuner tuner = test::tuner(test::hopper(1, 8));
  const Decision ring =
      tuner.decide(Op::all_reduce, base::Bytes(kGib), Algorithm::ring, Protocol::automatic);
  EXPECT_EQ(ring.nccl_name, "Ring/Simple");
  EXPECT_EQ(ring.others.size(), 2U);
  const Decision none = tuner.decide(Op::all_reduce, base::Bytes(kGib),
                                     Algorithm::recursive_doubling, Protocol::automatic);
  EXPECT_FALSE(none.chosen);
  EXPECT_EQ(none.nccl_name, "none");
}

TEST(NcclChoice, AllToAllIsGroupedSendAndReceive) {
  const Decision decision =
      test::tuner(test::hopper(2, 8)).decide(Op::all_to_all, base::Bytes(kMib));
  EXPECT_EQ(decision.nccl_name, "SendRecv");
  EXPECT_EQ(decision.algorithm, Algorithm::pairwise);
  EXPECT_EQ(decision.runner_up(), nullptr);
}

TEST(NcclChoice, OneRankHasNothingToChoose) {
  const Decision decision =
      test::tuner(test::hopper(1, 1)).decide(Op::all_reduce, base::Bytes(kMib));
  EXPECT_FALSE(decision.chosen);
  EXPECT_FALSE(decision.notes.empty());
}

TEST(NcclProtocolFacts, ChunksAndPayloadsAreThoseOfTheBuffers) {
  const Tuner tuner = test::tuner(test::hopper(1, 8));
  const auto facts = [&](Protocol protocol) {
    return protocol_facts(tuner.model(), Op::all_reduce, NcclAlgorithm::ring, protocol,
                          base::Bytes(kGib));
  };
  EXPECT_DOUBLE_EQ(facts(Protocol::simple).chunk.value(), 2 * kMib);
  EXPECT_DOUBLE_EQ(facts(Protocol::simple).payload, 1.0);
  EXPECT_DOUBLE_EQ(facts(Protocol::ll).chunk.value(), 32 * kKib);
  EXPECT_DOUBLE_EQ(facts(Protocol::ll).payload, 0.5);
  EXPECT_DOUBLE_EQ(facts(Protocol::ll128).chunk.value(), 4915200.0 / 8 * 15 / 16);
  EXPECT_EQ(facts(Protocol::simple).channels, 24);
}

TEST(NcclProtocolFacts, SmallBuffersUseFewChannelsAndLargeOnesAll) {
  const Tuner tuner = test::tuner(test::hopper(2, 8));
  for (const NcclAlgorithm algorithm : {NcclAlgorithm::ring, NcclAlgorithm::tree}) {
    for (const Protocol protocol : kProtocols) {
      int before = 0;
      for (const double size : sizes()) {
        const ProtocolFacts facts =
            protocol_facts(tuner.model(), Op::all_reduce, algorithm, protocol, base::Bytes(size));
        EXPECT_GE(facts.channels, before);
        EXPECT_GT(facts.chunk.value(), 0);
        before = facts.channels;
      }
      EXPECT_EQ(before, tuner.model().graphs().channels);
      EXPECT_EQ(protocol_facts(tuner.model(), Op::all_reduce, algorithm, protocol, base::Bytes(8))
                    .channels,
                1);
    }
  }
}

}  // namespace
}  // namespace windtunnel::collectives::nccl
