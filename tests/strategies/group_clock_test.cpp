// Communication of a training job: laws of the data-sheet times, and what a model is asked.
#include "strategies/train/group_clock.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::BytesPerSecond;
using base::Seconds;
using collectives::Op;

sim::Cluster dgx(int nodes) {
  sim::Cluster cluster;
  cluster.name = "dgx";
  cluster.nodes = nodes;
  cluster.node.gpus = 8;
  cluster.node.gpu.name = "h100-sxm";
  cluster.node.scale_up = {.kind = sim::ScaleUpKind::nvswitch,
                           .bandwidth = BytesPerSecond(400e9),
                           .latency = Seconds(1e-6),
                           .size = 8};
  cluster.node.nics = {.count = 8, .bandwidth = BytesPerSecond(50e9), .latency = Seconds(1e-6)};
  cluster.fabric = {.kind = nodes > 1 ? sim::FabricKind::switched : sim::FabricKind::none,
                    .levels = 1};
  return cluster;
}

sim::ValidCluster valid(const sim::Cluster& cluster) {
  base::Diagnostics diagnostics;
  auto checked = validate(cluster, {}, diagnostics);
  EXPECT_TRUE(checked.has_value()) << diagnostics.to_text();
  return *checked;
}

const GroupShape kNode{.ranks = 8, .nodes = 1, .gpus_per_node = 8};
const GroupShape kRail{.ranks = 4, .nodes = 4, .gpus_per_node = 1, .groups_per_node = 8};

TEST(GroupClock, AllReduceInOneNodeMovesTwiceTheBufferLessAnEighth) {
  const auto cluster = valid(dgx(1));
  GroupClock clock(cluster, nullptr);
  const double bytes = 1e9;
  EXPECT_NEAR(clock.collective(Op::all_reduce, Bytes(bytes), kNode).time.value(),
              2 * (7.0 / 8 * bytes / 400e9 + 7e-6), 1e-12);
}

TEST(GroupClock, PairsOfAMeshHaveOneLinkAndTheWholeNodeAll) {
  auto shape = dgx(1);
  shape.node.scale_up.kind = sim::ScaleUpKind::nvlink_mesh;
  const auto cluster = valid(shape);
  GroupClock clock(cluster, nullptr);
  const GroupShape pair{.ranks = 2, .nodes = 1, .gpus_per_node = 2, .groups_per_node = 4};
  const double bytes = 1e9;
  EXPECT_NEAR(clock.collective(Op::send_recv, Bytes(bytes), pair).time.value(),
              bytes / (400e9 / 7) + 1e-6, 1e-12);
  EXPECT_NEAR(clock.collective(Op::all_gather, Bytes(bytes), kNode).time.value(),
              7.0 / 8 * bytes / 400e9 + 7e-6, 1e-12);
}

TEST(GroupClock, GroupsOfOneKindShareTheNics) {
  auto shape = dgx(4);
  const auto full = valid(shape);
  shape.node.nics.count = 4;
  const auto half = valid(shape);
  GroupClock wide(full, nullptr), narrow(half, nullptr);
  const Seconds a = wide.collective(Op::reduce_scatter, Bytes(1e10), kRail).time;
  const Seconds b = narrow.collective(Op::reduce_scatter, Bytes(1e10), kRail).time;
  EXPECT_NEAR(b / a, 2.0, 1e-3);
  EXPECT_NEAR(a.value(), 1e10 * 3 / 4 / 50e9, 1e-3 * a.value());
}

TEST(GroupClock, TimeRisesWithBytesAndFallsWithBandwidth) {
  auto shape = dgx(4);
  const auto slow = valid(shape);
  shape.node.nics.bandwidth = BytesPerSecond(100e9);
  shape.node.scale_up.bandwidth = BytesPerSecond(900e9);
  const auto fast = valid(shape);
  GroupClock a(slow, nullptr), b(fast, nullptr);
  for (const Op op : collectives::kOps) {
    for (const GroupShape& group :
         {kNode, kRail, GroupShape{.ranks = 32, .nodes = 4, .gpus_per_node = 8}}) {
      Seconds last{0};
      for (const double bytes : {1e3, 1e5, 1e7, 1e9}) {
        const Seconds time = a.collective(op, Bytes(bytes), group).time;
        EXPECT_GT(time, last);
        EXPECT_LE(b.collective(op, Bytes(bytes), group).time, time);
        last = time;
      }
    }
  }
}

TEST(GroupClock, OneRankAndNothingToSendTakeNoTime) {
  const auto cluster = valid(dgx(1));
  GroupClock clock(cluster, nullptr);
  EXPECT_EQ(clock.collective(Op::all_reduce, Bytes(1e9), {}).time, Seconds(0));
  EXPECT_EQ(clock.collective(Op::all_reduce, Bytes(0), kNode).time, Seconds(0));
}

TEST(GroupClock, AScaleUpDomainOfSeveralNodesIsOneNode) {
  auto shape = dgx(4);
  shape.node.scale_up.size = 32;
  const auto cluster = valid(shape);
  GroupClock clock(cluster, nullptr);
  const GroupShape all{.ranks = 32, .nodes = 4, .gpus_per_node = 8};
  EXPECT_EQ(clock.folded(all).nodes, 1);
  EXPECT_NEAR(clock.collective(Op::all_gather, Bytes(32e9), all).time.value(), 31e9 / 400e9, 1e-4);
}

// Answers with what it was asked: the share of the NICs.
class EchoModel : public collectives::TimeModel {
 public:
  std::string name() const override { return "echo"; }
  std::optional<collectives::TimePrediction> predict(
      const collectives::TimeQuery& query) const override {
    collectives::TimePrediction answer;
    answer.time = query.bytes / (query.nic_bandwidth * query.nics_per_node);
    answer.band = {answer.time.value() / 2, answer.time.value() * 2, 0.9};
    answer.note = "nearest stands in";
    return answer;
  }
};

TEST(GroupClock, AModelIsAskedForTheGroupsShareOfTheNics) {
  auto shape = dgx(4);
  shape.node.nics.count = 4;
  const auto cluster = valid(shape);
  const EchoModel echo;
  GroupClock clock(cluster, &echo);
  const CommunicationTime rail = clock.collective(Op::all_gather, Bytes(25e9), kRail);
  EXPECT_NEAR(rail.time.value(), 1.0, 1e-12);  // half a NIC of 50 GB/s
  EXPECT_TRUE(rail.calibrated);
  const CommunicationTime whole =
      clock.collective(Op::all_gather, Bytes(200e9), {.ranks = 32, .nodes = 4, .gpus_per_node = 8});
  EXPECT_NEAR(whole.time.value(), 1.0, 1e-12);  // all four
  EXPECT_EQ(clock.notes().size(), 1U);
}

}  // namespace
}  // namespace windtunnel::strategies
