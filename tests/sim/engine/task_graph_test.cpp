// The executor, and the engines held against each other on random graphs.
#include "sim/engine/task_graph.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"
#include "sim/base/random.hpp"
#include "sim/engine/deadlock.hpp"
#include "tests/sim/engine/networks.hpp"

namespace windtunnel::sim::testing {
namespace {

class TaskGraphs : public ::testing::Test {
 protected:
  Execution run(Timeline* timeline = nullptr) { return execute(graph, *engine, timeline); }
  TaskId compute(int gpu, double time, const std::string& label) {
    return graph.add(ComputeTask{network.gpu(gpu), 0, Seconds(time)}, label, "compute");
  }
  TaskId send(int from, int to, double seconds, const std::string& label) {
    return graph.add(
        TransferTask{{network.gpu(from), network.gpu(to), Bytes(seconds * kBandwidth)}}, label,
        "comm");
  }
  std::string deadlock_text() {
    try {
      run();
    } catch (const Deadlock& deadlock) {
      return deadlock.what();
    }
    return "no deadlock";
  }

  Network network = star(4);
  std::unique_ptr<Engine> engine = make_analytic_engine(network, {});
  TaskGraph graph;
};

TEST_F(TaskGraphs, NothingToDoTakesNoTime) {
  EXPECT_EQ(run().makespan, Seconds(0));
}

TEST_F(TaskGraphs, ATaskStartsWhenAllItDependsOnHasEnded) {
  const TaskId a = compute(0, 1, "a");
  const TaskId b = compute(1, 3, "b");
  const TaskId join = graph.add(JoinTask{}, "join");
  const TaskId c = send(0, 1, 2, "c");
  graph.depend(join, std::vector{a, b});
  graph.depend(c, join);
  graph.depend(c, join);  // twice is once
  const Execution done = run();
  EXPECT_EQ(done.tasks[join.slot()].end, Seconds(3));
  EXPECT_EQ(done.tasks[c.slot()].start, Seconds(3));
  EXPECT_NEAR(done.makespan.value(), 5 + 2 * kNicLatency, 1e-12);
}

TEST_F(TaskGraphs, ReadyAndStartDifferByTheWaitForTheStream) {
  compute(0, 2, "first");
  const TaskId second = compute(0, 1, "second");
  const Execution done = run();
  EXPECT_EQ(done.tasks[second.slot()].ready, Seconds(0));
  EXPECT_EQ(done.tasks[second.slot()].start, Seconds(2));
  EXPECT_EQ(done.tasks[second.slot()].end, Seconds(3));
}

TEST_F(TaskGraphs, DelaysHoldNobodyUp) {
  const TaskId first = graph.add(DelayTask{Seconds(2)}, "first");
  const TaskId second = graph.add(DelayTask{Seconds(3)}, "second");
  const TaskId after = graph.add(DelayTask{Seconds(1)}, "after");
  graph.depend(after, first);
  const Execution done = run();
  EXPECT_EQ(done.tasks[second.slot()].end, Seconds(3));
  EXPECT_EQ(done.tasks[after.slot()].start, Seconds(2));
  EXPECT_EQ(done.makespan, Seconds(3));
}

TEST_F(TaskGraphs, ALongChainOfJoinsNeedsNoStack) {
  TaskId last = graph.add(JoinTask{}, "join");
  for (int i = 0; i < 300'000; ++i) {
    const TaskId next = graph.add(JoinTask{}, "join");
    graph.depend(next, last);
    last = next;
  }
  EXPECT_EQ(run().makespan, Seconds(0));
}

TEST_F(TaskGraphs, StartFromWhereTheEngineStands) {
  compute(0, 1, "a");
  EXPECT_EQ(run().makespan, Seconds(1));
  const Execution again = run();
  EXPECT_EQ(again.makespan, Seconds(1));
  EXPECT_EQ(again.tasks[0].start, Seconds(1));
}

TEST_F(TaskGraphs, ACycleIsADeadlockThatNamesItsTasks) {
  const TaskId a = compute(0, 1, "forward 0");
  const TaskId b = compute(0, 1, "forward 1");
  const TaskId c = send(0, 1, 1, "send 1");
  const TaskId d = compute(1, 1, "backward 1");
  graph.depend(b, a);
  graph.depend(b, d);
  graph.depend(c, b);
  graph.depend(d, c);
  EXPECT_EQ(deadlock_text(),
            "deadlock: 3 of 4 tasks can never start; 'forward 1' waits for 'backward 1', which "
            "waits for 'send 1', which waits for 'forward 1'");
}

TEST_F(TaskGraphs, WhoWaitsForACycleIsNotNamedAsPartOfIt) {
  const TaskId waits = compute(0, 1, "waits");
  const TaskId loop = compute(0, 1, "loop");
  graph.depend(waits, loop);
  graph.depend(loop, loop);
  EXPECT_EQ(deadlock_text(), "deadlock: 2 of 2 tasks can never start; 'loop' waits for 'loop'");
}

TEST_F(TaskGraphs, RefuseDependenciesOnTasksThatAreNotThere) {
  const TaskId a = compute(0, 1, "a");
  EXPECT_THROW(graph.depend(a, TaskId(7)), base::ContractViolation);
  EXPECT_THROW(graph.depend(TaskId::none(), a), base::ContractViolation);
}

TEST_F(TaskGraphs, TheTimelineHoldsSpansAndFlowsWithTheirLabels) {
  const TaskId a = compute(0, 1, "a");
  graph.depend(send(0, 1, 1, "b"), a);
  Timeline timeline;
  run(&timeline);
  ASSERT_EQ(timeline.spans().size(), 1u);
  ASSERT_EQ(timeline.flows().size(), 1u);
  EXPECT_EQ(timeline.text(timeline.spans()[0].label), "a");
  EXPECT_EQ(timeline.text(timeline.flows()[0].category), "comm");
  EXPECT_EQ(timeline.flows()[0].sent, Seconds(1));
  EXPECT_EQ(timeline.flows()[0].bytes, Bytes(kBandwidth));
}

// Random work on pairs (2k, 2k+1) of a star of `nodes`. With Chains::per_pair every pair sends one
// transfer after the other, so that no port is ever shared.
enum class Chains { per_pair, none };
TaskGraph random_graph(const Network& network, base::RandomStream& random, Chains chains) {
  TaskGraph graph;
  const std::int64_t nodes = network.gpu_count();
  std::vector<TaskId> last_of_pair(static_cast<std::size_t>(nodes), TaskId::none());
  for (int i = 0; i < 150; ++i) {
    const auto from = static_cast<int>(random.below(nodes));
    TaskId task;
    if (random.uniform() < 0.4) {
      task = graph.add(ComputeTask{network.gpu(from), static_cast<int>(random.below(2)),
                                   Seconds(random.exponential(1e-3))},
                       "compute");
    } else {
      const int to = chains == Chains::per_pair ? from ^ 1 : static_cast<int>(random.below(nodes));
      task = graph.add(TransferTask{{.from = network.gpu(from),
                                     .to = network.gpu(to),
                                     .bytes = Bytes(std::floor(random.exponential(1e7))),
                                     .extra_latency = Seconds(random.exponential(1e-6))}},
                       "send");
      TaskId& last = last_of_pair[static_cast<std::size_t>(from)];
      if (chains == Chains::per_pair && last.valid()) graph.depend(task, last);
      last = task;
    }
    for (int d = 0; d < 2 && i > 0; ++d) {
      if (random.uniform() < 0.6) graph.depend(task, TaskId(static_cast<int>(random.below(i))));
    }
  }
  return graph;
}

std::vector<double> ends_of(const TaskGraph& graph, Engine& engine) {
  Timeline timeline;
  const Execution done = execute(graph, engine, &timeline);
  EXPECT_EQ(timeline.overlap(), std::nullopt);
  EXPECT_LE(timeline.end(), done.makespan);
  std::vector<double> ends;
  for (const TaskTimes& times : done.tasks) {
    EXPECT_LE(times.ready, times.start);
    EXPECT_LE(times.start, times.end);
    ends.push_back(times.end.value());
  }
  return ends;
}

TEST(EnginesAgainstEachOther, AgreeOnRandomGraphsWhereNothingIsShared) {
  const Network network = star(8);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    base::RandomStream random(seed, "graph");
    const TaskGraph graph = random_graph(network, random, Chains::per_pair);
    const EngineWork work = [&](Engine& engine) { return ends_of(graph, engine); };
    const auto analytic = on_engine(EngineKind::analytic, network, work);
    const auto simgrid = on_engine(EngineKind::simgrid, network, work);
    ASSERT_EQ(analytic.size(), simgrid.size());
    for (std::size_t i = 0; i < analytic.size(); ++i) {
      ASSERT_NEAR(simgrid[i] / analytic[i], 1.0, 1e-9) << "seed " << seed << ", task " << i;
    }
  }
}

// The least time of a graph: that of its longest chain with each task alone, and that of its
// busiest port.
double lower_bound(const TaskGraph& graph, const Network& network) {
  std::vector<double> chain(static_cast<std::size_t>(graph.size()), 0.0);
  std::vector<double> port(network.links().size(), 0.0);
  std::vector<std::vector<TaskId>> before(chain.size());
  for (const auto& dependency : graph.dependencies()) {
    before[dependency.task.slot()].push_back(dependency.before);
  }
  for (std::size_t i = 0; i < chain.size(); ++i) {
    for (const TaskId one : before[i]) chain[i] = std::max(chain[i], chain[one.slot()]);
    const Work& work = graph.work(TaskId(static_cast<std::int32_t>(i)));
    if (const auto* compute = std::get_if<ComputeTask>(&work)) {
      chain[i] += compute->duration.value();
    } else if (const auto* transfer = std::get_if<TransferTask>(&work)) {
      const TransferRequest& request = transfer->request;
      chain[i] += request.extra_latency.value();
      if (request.from == request.to) continue;
      const Route route = network.route(request.from, request.to);
      chain[i] += (route.latency + request.bytes / route.bandwidth).value();
      for (const LinkId link : {route.out_port, route.in_port}) {
        port[link.slot()] += (request.bytes / network.links()[link.slot()].bandwidth).value();
      }
    }
  }
  return std::max(*std::max_element(chain.begin(), chain.end()),
                  *std::max_element(port.begin(), port.end()));
}

TEST(EnginesAgainstEachOther, NeitherBeatsTheBoundOfItsEndpointsOnRandomGraphs) {
  const Network network = network_of(fat_tree_cluster(16, 8, 4));
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    base::RandomStream random(seed, "shared graph");
    const TaskGraph graph = random_graph(network, random, Chains::none);
    const double bound = lower_bound(graph, network);
    for (const EngineKind kind : {EngineKind::analytic, EngineKind::simgrid}) {
      const auto ends =
          on_engine(kind, network, [&](Engine& engine) { return ends_of(graph, engine); });
      EXPECT_GE(*std::max_element(ends.begin(), ends.end()), bound * (1 - 1e-9))
          << to_text(kind) << ", seed " << seed;
    }
  }
}

// What the analytic engine leaves out can only cost time: all GPUs of one leaf send to another leaf
// through uplinks of a quarter of the bandwidth.
TEST(EnginesAgainstEachOther, SimgridSeesTheOversubscribedUplinkThatAnalyticDoesNot) {
  const Network network = network_of(fat_tree_cluster(16, 10, 4));
  const EngineWork work = [&](Engine& engine) {
    for (int i = 0; i < 8; ++i) {
      engine.transfer({network.gpu(i), network.gpu(8 + i), Bytes(kBandwidth)}, [] {});
    }
    engine.run();
    return std::vector<double>{engine.now().value()};
  };
  const double analytic = on_engine(EngineKind::analytic, network, work)[0];
  const double simgrid = on_engine(EngineKind::simgrid, network, work)[0];
  EXPECT_NEAR(analytic, 1.0, 1e-5);
  // 8 flows over 2 uplinks of the NIC's bandwidth; the hash of ECMP may put more than half on one.
  EXPECT_GE(simgrid, 4.0);
  EXPECT_LE(simgrid, 8.0 + 1e-5);
}

}  // namespace
}  // namespace windtunnel::sim::testing
