// NCCL's own tuning table, as NCCL_DEBUG_SUBSYS=TUNING prints it on H100 with an NVSwitch (n = 4
// and 6 published digit for digit, the rest worked out from the source): latency in us / algorithm
// bandwidth in GB/s. The log prints one decimal, so that is the tolerance (with 2 % of room on its
// rounding).
#include <gtest/gtest.h>

#include "tests/collectives/nccl_topologies.hpp"

namespace windtunnel::collectives::nccl {
namespace {

constexpr double kOneDecimal = 0.051;

struct Golden {
  Op op;
  int gpus;
  NcclAlgorithm algorithm;
  Protocol protocol;
  double latency_us;
  double bandwidth_gbps;
};

using enum NcclAlgorithm;

const std::vector<Golden>& golden_values() {
  static const std::vector<Golden> kValues{
      {Op::all_reduce, 2, tree, Protocol::ll, 8.0, 61.1},
      {Op::all_reduce, 2, tree, Protocol::ll128, 16.5, 180.6},
      {Op::all_reduce, 2, tree, Protocol::simple, 16.4, 232.2},
      {Op::all_reduce, 2, ring, Protocol::ll, 7.8, 141.0},
      {Op::all_reduce, 2, ring, Protocol::ll128, 17.8, 331.2},
      {Op::all_reduce, 2, ring, Protocol::simple, 15.2, 360.0},
      {Op::all_reduce, 2, nvls, Protocol::simple, 25.0, 102.0},
      {Op::all_reduce, 4, tree, Protocol::ll, 10.4, 43.6},
      {Op::all_reduce, 4, tree, Protocol::ll128, 21.5, 128.8},
      {Op::all_reduce, 4, tree, Protocol::simple, 32.4, 165.6},
      {Op::all_reduce, 4, ring, Protocol::ll, 10.2, 94.0},
      {Op::all_reduce, 4, ring, Protocol::ll128, 25.4, 220.8},
      {Op::all_reduce, 4, ring, Protocol::simple, 28.8, 240.0},
      {Op::all_reduce, 4, nvls, Protocol::simple, 25.0, 160.0},
      {Op::all_reduce, 6, tree, Protocol::ll, 12.8, 43.6},
      {Op::all_reduce, 6, tree, Protocol::ll128, 26.5, 128.8},
      {Op::all_reduce, 6, tree, Protocol::simple, 48.4, 165.6},
      {Op::all_reduce, 6, ring, Protocol::ll, 12.6, 84.6},
      {Op::all_reduce, 6, ring, Protocol::ll128, 33.0, 198.7},
      {Op::all_reduce, 6, ring, Protocol::simple, 42.4, 216.0},
      {Op::all_reduce, 6, nvls, Protocol::simple, 25.0, 216.0},
      {Op::all_reduce, 8, ring, Protocol::ll, 15.0, 80.6},
      {Op::all_reduce, 8, ring, Protocol::ll128, 40.6, 189.3},
      {Op::all_reduce, 8, ring, Protocol::simple, 56.0, 205.7},
      {Op::all_reduce, 8, nvls, Protocol::simple, 25.0, 272.0},
      {Op::all_gather, 4, ring, Protocol::ll, 8.4, 188.0},
      {Op::all_gather, 4, ring, Protocol::ll128, 19.7, 441.6},
      {Op::all_gather, 4, ring, Protocol::simple, 18.6, 480.0},
      {Op::all_gather, 4, nvls, Protocol::simple, 25.0, 114.8},
      {Op::all_gather, 6, ring, Protocol::ll, 9.6, 169.2},
      {Op::all_gather, 6, ring, Protocol::ll128, 23.5, 397.4},
      {Op::all_gather, 6, ring, Protocol::simple, 25.4, 432.0},
      {Op::all_gather, 6, nvls, Protocol::simple, 25.0, 177.1},
  };
  return kValues;
}

void expect_cell(Op op, const Golden& golden) {
  const Tuner tuner = test::tuner(test::hopper(1, golden.gpus));
  const TableEntry row = test::entry(tuner, op, golden.algorithm, golden.protocol);
  SCOPED_TRACE(std::string(to_text(op)) + " n=" + std::to_string(golden.gpus) + " " +
               std::string(to_text(golden.algorithm)) + "/" +
               std::string(nccl_text(golden.protocol)));
  EXPECT_EQ(row.disabled, "");
  EXPECT_NEAR(row.latency.value() * 1e6, golden.latency_us, kOneDecimal);
  EXPECT_NEAR(row.bandwidth.value() * 1e-9, golden.bandwidth_gbps, kOneDecimal);
}

TEST(NcclGolden, EveryCellOfThePublishedTablesComesOut) {
  for (const Golden& golden : golden_values()) expect_cell(golden.op, golden);
}

TEST(NcclGolden, ReduceScatterHasTheTableOfAllGather) {
  for (const Golden& golden : golden_values()) {
    if (golden.op == Op::all_gather) expect_cell(Op::reduce_scatter, golden);
  }
}

TEST(NcclGolden, BroadcastAndReduceAreTheSameForAnyNumberOfGpus) {
  for (const Op op : {Op::broadcast, Op::reduce}) {
    for (const int gpus : {2, 4, 6, 8}) {
      expect_cell(op, {op, gpus, ring, Protocol::ll, 7.2, 141.0});
      expect_cell(op, {op, gpus, ring, Protocol::ll128, 15.9, 331.2});
      expect_cell(op, {op, gpus, ring, Protocol::simple, 11.8, 360.0});
    }
  }
}

TEST(NcclGolden, NvlsBusBandwidthOnEightGpusIs476AsMeasured480) {
  const Tuner tuner = test::tuner(test::hopper(1, 8));
  const TableEntry row = test::entry(tuner, Op::all_reduce, nvls, Protocol::simple);
  EXPECT_NEAR(row.bandwidth.value() * 1e-9 * bus_factor(Op::all_reduce, 8), 476, 1);
}

TEST(NcclGolden, ChannelsAreThoseOfTheLogs) {
  const auto graphs = [](const Topology& topology) {
    return search_channels(topology, constants());
  };
  const Graphs h100 = graphs(test::hopper(1, 8));
  EXPECT_EQ(h100.ring.channels, 12);
  EXPECT_DOUBLE_EQ(h100.ring.intra.value(), 30e9);
  EXPECT_EQ(h100.channels, 24);
  const Graphs a100 = graphs(test::ampere(1, 8));
  EXPECT_EQ(a100.ring.channels, 12);
  EXPECT_DOUBLE_EQ(a100.ring.intra.value(), 20e9);
  EXPECT_EQ(a100.channels, 24);
  const Graphs pair = graphs(test::hopper(1, 2));
  EXPECT_EQ(pair.tree.channels, 12);
  EXPECT_DOUBLE_EQ(pair.tree.intra.value(), 60e9);
  const Graphs rails = graphs(test::hopper(4, 8));
  EXPECT_EQ(rails.ring.channels, 8);
  EXPECT_DOUBLE_EQ(rails.ring.inter.value(), 48e9);
}

TEST(NcclGolden, NvlsHeadsRunAtThePublishedSpeeds) {
  struct Row {
    int gpus;
    double intra;
    double inter;
  };
  for (const Row row : {Row{8, 40, 60}, Row{6, 50, 60}, Row{4, 60, 60}, Row{2, 60, 60}}) {
    const Graphs graphs = search_channels(test::hopper(1, row.gpus), constants());
    EXPECT_EQ(graphs.nvls.channels, row.gpus);
    EXPECT_DOUBLE_EQ(graphs.nvls.intra.value(), row.intra * 1e9) << row.gpus;
    EXPECT_DOUBLE_EQ(graphs.nvls.inter.value(), row.inter * 1e9) << row.gpus;
  }
}

}  // namespace
}  // namespace windtunnel::collectives::nccl
