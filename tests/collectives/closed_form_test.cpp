// Closed forms against the simgrid engine, on the networks they assume.
#include "collectives/closed_form.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/collectives/simulations.hpp"

namespace windtunnel::collectives {
namespace {

using sim::EngineKind;

std::vector<sim::Cluster> clusters() {
  sim::Cluster reducing = testing::nvswitch_cluster(4, 4);
  reducing.node.scale_up.in_switch_reduction = true;
  reducing.fabric.in_network_reduction = true;
  sim::Cluster node = testing::nvswitch_cluster(1, 8);
  node.node.scale_up.in_switch_reduction = true;
  return {testing::uniform_switch(16), testing::uniform_switch(13), reducing, node};
}

double worst_error(Op op, Algorithm algorithm, int chunks) {
  double worst = 0.0;
  for (const sim::Cluster& cluster : clusters()) {
    const sim::Network network = testing::network_of(cluster);
    const Placement placement = place(network, testing::all_gpus(network));
    const UniformFabric fabric = uniform_fabric(network, placement, network.gpu_count());
    for (const std::int64_t bytes :
         {std::int64_t{1} << 12, std::int64_t{1} << 20, std::int64_t{1} << 28}) {
      const ScheduleRequest request = placed({.op = op,
                                              .algorithm = algorithm,
                                              .ranks = network.gpu_count(),
                                              .bytes = bytes,
                                              .chunk_bytes = chunks > 1 ? bytes / chunks : 0},
                                             placement);
      if (why_not(request)) continue;
      const double engine = testing::collective_time(EngineKind::simgrid, network, request);
      worst = std::max(worst, std::abs(closed_form(request, fabric)->time.value() / engine - 1.0));
    }
  }
  return worst;
}

// In one piece: exact but for remainders of parts (1e-3), except where subtrees of a tree are not
// of one height (brothers then do not share their parent's port) and where twins meet in a port.
double tolerance_in_one(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::tree:
      return 0.17;
    case Algorithm::double_binary_tree:
      return 0.29;
    case Algorithm::in_network:
      return 0.07;
    default:
      return 1e-3;
  }
}

// In chunks: how stages of a pipeline overlap is put down as its busiest resource.
double tolerance_in_chunks(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::tree:
      return 0.17;
    case Algorithm::double_binary_tree:
      return 0.27;
    case Algorithm::hierarchical:
      return 0.27;
    case Algorithm::in_network:
      return 0.30;
    default:
      return 1e-3;
  }
}

class ClosedFormOf : public ::testing::TestWithParam<std::tuple<Op, Algorithm>> {};

TEST_P(ClosedFormOf, IsTheEnginesTimeInOnePiece) {
  const auto [op, algorithm] = GetParam();
  EXPECT_LT(worst_error(op, algorithm, 1), tolerance_in_one(algorithm));
}

TEST_P(ClosedFormOf, IsNearTheEnginesTimeInSixteenChunks) {
  const auto [op, algorithm] = GetParam();
  EXPECT_LT(worst_error(op, algorithm, 16), tolerance_in_chunks(algorithm));
}

std::vector<std::tuple<Op, Algorithm>> supported() {
  std::vector<std::tuple<Op, Algorithm>> pairs;
  for (const Op op : kOps) {
    for (const Algorithm algorithm : kAlgorithms) {
      if (algorithm != Algorithm::automatic && supports(op, algorithm))
        pairs.emplace_back(op, algorithm);
    }
  }
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(All, ClosedFormOf, ::testing::ValuesIn(supported()),
                         [](const auto& tested) {
                           return std::string(to_text(std::get<0>(tested.param))) + "_by_" +
                                  std::string(to_text(std::get<1>(tested.param)));
                         });

UniformFabric plain() {
  return {.latency = base::Seconds(2e-6),
          .bandwidth = base::BytesPerSecond(50e9),
          .near_latency = base::Seconds(2e-6),
          .near_bandwidth = base::BytesPerSecond(50e9)};
}

TEST(ClosedForm, OfARingAllReduceIsTwoLapsOfLatencyAndParts) {
  const auto form = closed_form({.ranks = 512, .bytes = 512000000}, plain());
  EXPECT_DOUBLE_EQ(form->latency.value(), 2 * 511 * 2e-6);
  EXPECT_DOUBLE_EQ(form->transfer.value(), 2 * 511 * (1e6 / 50e9));
  EXPECT_EQ(form->formula, "2(n-1)(alpha + S/(n beta))");
}

TEST(ClosedForm, OfOneRankIsZero) {
  EXPECT_EQ(closed_form({.ranks = 1, .bytes = 100}, plain())->time.value(), 0.0);
}

TEST(ClosedForm, HasNothingToSayAboutWhatIsNotSupported) {
  EXPECT_FALSE(
      closed_form({.op = Op::all_to_all, .algorithm = Algorithm::tree, .ranks = 4}, plain()));
}

TEST(BestChunk, IsNoWorseThanAnyPowerOfTwoAndBetterThanOnePieceWhereItPays) {
  for (const Algorithm algorithm :
       {Algorithm::ring, Algorithm::tree, Algorithm::double_binary_tree}) {
    ScheduleRequest request{
        .op = Op::broadcast, .algorithm = algorithm, .ranks = 16, .bytes = std::int64_t{1} << 28};
    request.chunk_bytes = best_chunk(request, plain());
    const double best = closed_form(request, plain())->time.value();
    EXPECT_GT(request.chunk_bytes, 0);
    for (std::int64_t chunk = 8192; chunk <= request.bytes; chunk *= 2) {
      ScheduleRequest other = request;
      other.chunk_bytes = chunk;
      EXPECT_LE(best, closed_form(other, plain())->time.value());
    }
  }
}

TEST(BestChunk, IsOnePieceForSmallSizesAndForAlgorithmsWithoutPipelines) {
  EXPECT_EQ(best_chunk({.op = Op::broadcast, .ranks = 16, .bytes = 1000}, plain()), 0);
  EXPECT_EQ(best_chunk({.algorithm = Algorithm::pairwise, .ranks = 16, .bytes = 1 << 30}, plain()),
            0);
}

}  // namespace
}  // namespace windtunnel::collectives
