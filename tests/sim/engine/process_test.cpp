// Processes as coroutines and what they wait on together.
#include "sim/engine/process.hpp"

#include <gtest/gtest.h>

#include "sim/base/contract.hpp"
#include "sim/engine/deadlock.hpp"
#include "sim/engine/queue.hpp"
#include "sim/engine/synchronization.hpp"
#include "tests/sim/engine/networks.hpp"

namespace windtunnel::sim::testing {
namespace {

using Log = std::vector<double>;

// An analytic engine on a star of four, and a simulation on it.
class Processes : public ::testing::Test {
 protected:
  std::string deadlock_text() {
    try {
      simulation.run();
    } catch (const Deadlock& deadlock) {
      return deadlock.what();
    }
    return "no deadlock";
  }

  Network network = star(4);
  std::unique_ptr<Engine> engine = make_analytic_engine(network, {});
  Simulation simulation{*engine};
  Log log;
};

Process wait_and_note(Simulation& simulation, Seconds time, Log& log) {
  co_await simulation.delay(time);
  log.push_back(simulation.now().value());
}

Process player(Simulation& simulation, EndpointId self, EndpointId other, Queue<int>& in,
               Queue<int>& out, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const int ball = co_await in.get();
    co_await simulation.transfer({.from = self, .to = other, .bytes = Bytes(kBandwidth)});
    co_await out.put(ball + 1);
  }
}

TEST_F(Processes, StartWhenTheSimulationRunsAndWaitForSimulatedTime) {
  simulation.spawn("a", wait_and_note(simulation, Seconds(2), log));
  simulation.spawn("b", wait_and_note(simulation, Seconds(1), log));
  EXPECT_TRUE(log.empty());
  simulation.run();
  EXPECT_EQ(log, (Log{1, 2}));
}

std::vector<double> ping_pong(Engine& engine, const Network& network) {
  Simulation simulation(engine);
  Queue<int> left(simulation, "left");
  Queue<int> right(simulation, "right");
  simulation.spawn("ping", player(simulation, network.gpu(0), network.gpu(1), left, right, 5));
  simulation.spawn("pong", player(simulation, network.gpu(1), network.gpu(0), right, left, 5));
  double ball = -1;
  const auto serve = [](Queue<int>& to) -> Process { co_await to.put(0); };
  simulation.spawn("serve", serve(left));
  simulation.run();
  ball = left.try_get().value_or(-1);
  return {ball, engine.now().value()};
}

class ProcessesOnEach : public EachEngine {};
INSTANTIATE_TEST_SUITE_P(Both, ProcessesOnEach,
                         ::testing::Values(EngineKind::analytic, EngineKind::simgrid), engine_name);

TEST_P(ProcessesOnEach, PingPongTakesTenTransfers) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) { return ping_pong(engine, network); });
  EXPECT_EQ(seen[0], 10);
  EXPECT_NEAR(seen[1], 10 * (1 + 2 * kNicLatency), 1e-9);
}

TEST_P(ProcessesOnEach, ExceptionsComeOutOfRun) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    Simulation simulation(engine);
    const auto fails = [](Simulation& owner) -> Process {
      co_await owner.delay(Seconds(1));
      throw base::EnvironmentError("no such trace");
    };
    simulation.spawn("reader", fails(simulation));
    try {
      simulation.run();
    } catch (const base::EnvironmentError&) {
      return std::vector<double>{1};
    }
    return std::vector<double>{0};
  });
  EXPECT_EQ(seen[0], 1);
}

TEST_F(Processes, ComputeOnOneStreamInOrder) {
  const auto work = [](Simulation& owner, EndpointId gpu, Seconds time, Log& notes) -> Process {
    co_await owner.compute(gpu, 0, time);
    notes.push_back(owner.now().value());
  };
  simulation.spawn("a", work(simulation, network.gpu(0), Seconds(2), log));
  simulation.spawn("b", work(simulation, network.gpu(0), Seconds(1), log));
  simulation.run();
  EXPECT_EQ(log, (Log{2, 3}));
}

TEST_F(Processes, AwaitingAProcessRunsItAsAPart) {
  const auto outer = [](Simulation& owner, Log& notes) -> Process {
    co_await wait_and_note(owner, Seconds(1), notes);
    co_await wait_and_note(owner, Seconds(2), notes);
    notes.push_back(-1);
  };
  simulation.spawn("outer", outer(simulation, log));
  simulation.run();
  EXPECT_EQ(log, (Log{1, 3, -1}));
}

TEST_F(Processes, AHandleWaitsForAProcessThatRunsBeside) {
  const auto parent = [](Simulation& owner, Log& notes) -> Process {
    const ProcessHandle child = owner.spawn("child", wait_and_note(owner, Seconds(5), notes));
    co_await owner.delay(Seconds(1));
    notes.push_back(owner.now().value());
    co_await child;
    notes.push_back(owner.now().value());
    co_await child;  // has ended: goes on at once
    EXPECT_TRUE(child.ended());
    co_await owner.spawn("second", wait_and_note(owner, Seconds(1), notes));
  };
  simulation.spawn("parent", parent(simulation, log));
  simulation.run();
  EXPECT_EQ(log, (Log{1, 5, 5, 6}));
}

Process fails_after(Simulation& simulation, Seconds time) {
  co_await simulation.delay(time);
  throw std::out_of_range("beyond the end");
}

TEST_F(Processes, AnExceptionGoesToWhoeverAwaits) {
  const auto careful = [](Simulation& owner, Log& notes) -> Process {
    try {
      co_await fails_after(owner, Seconds(1));
    } catch (const std::out_of_range&) {
      notes.push_back(1);
    }
    const ProcessHandle beside = owner.spawn("beside", fails_after(owner, Seconds(1)));
    try {
      co_await beside;
    } catch (const std::out_of_range&) {
      notes.push_back(2);
    }
  };
  simulation.spawn("careful", careful(simulation, log));
  simulation.run();
  EXPECT_EQ(log, (Log{1, 2}));
}

TEST_F(Processes, AnExceptionThatNobodyAwaitsEndsTheRun) {
  simulation.spawn("fails", fails_after(simulation, Seconds(1)));
  simulation.spawn("later", wait_and_note(simulation, Seconds(2), log));
  EXPECT_THROW(simulation.run(), std::out_of_range);
  EXPECT_TRUE(log.empty());
}

TEST_F(Processes, ABarrierReleasesAllWhenTheLastArrivesAndStartsAgain) {
  Barrier barrier(simulation, "step", 3);
  const auto worker = [](Simulation& owner, Barrier& step, int rank, Log& notes) -> Process {
    for (int i = 0; i < 2; ++i) {
      co_await owner.delay(Seconds(rank));
      co_await step.arrive();
      notes.push_back(owner.now().value());
    }
  };
  for (int rank = 1; rank <= 3; ++rank) {
    simulation.spawn("worker", worker(simulation, barrier, rank, log));
  }
  simulation.run();
  EXPECT_EQ(log, (Log{3, 3, 3, 6, 6, 6}));
}

TEST_F(Processes, AnEventLetsAllGoOnceItIsSet) {
  Event event(simulation, "go");
  const auto runner = [](Event& go, Simulation& owner, Log& notes) -> Process {
    co_await go.wait();
    notes.push_back(owner.now().value());
  };
  const auto starter = [](Event& go, Simulation& owner) -> Process {
    co_await owner.delay(Seconds(4));
    go.set();
  };
  simulation.spawn("a", runner(event, simulation, log));
  simulation.spawn("b", runner(event, simulation, log));
  simulation.spawn("starter", starter(event, simulation));
  simulation.run();
  simulation.spawn("late", runner(event, simulation, log));
  simulation.run();
  EXPECT_EQ(log, (Log{4, 4, 4}));
}

TEST_F(Processes, ASemaphoreIsFairToLargeRequests) {
  Semaphore memory(simulation, "blocks", 4);
  const auto user = [](Simulation& owner, Semaphore& blocks, std::int64_t units,
                       Log& notes) -> Process {
    co_await blocks.acquire(units);
    notes.push_back(static_cast<double>(units));
    co_await owner.delay(Seconds(1));
    blocks.release(units);
  };
  for (const std::int64_t units : {3, 4, 1}) {  // 1 would fit beside 3, but 4 came first
    simulation.spawn("user", user(simulation, memory, units, log));
  }
  simulation.run();
  EXPECT_EQ(log, (Log{3, 4, 1}));
  EXPECT_EQ(engine->now(), Seconds(3));
  EXPECT_EQ(memory.free(), 4);
}

TEST_F(Processes, ABoundedQueueHoldsTheProducerBackAndKeepsTheOrder) {
  Queue<int> queue(simulation, "batches", 2);
  const auto producer = [](Simulation& owner, Queue<int>& out, Log& notes) -> Process {
    for (int i = 0; i < 5; ++i) co_await out.put(i);
    notes.push_back(100 + owner.now().value());
  };
  const auto consumer = [](Simulation& owner, Queue<int>& in, Log& notes) -> Process {
    for (int i = 0; i < 5; ++i) {
      co_await owner.delay(Seconds(1));
      notes.push_back(co_await in.get());
    }
  };
  simulation.spawn("producer", producer(simulation, queue, log));
  simulation.spawn("consumer", consumer(simulation, queue, log));
  simulation.run();
  // Room for the fifth item comes as the third is taken, at 3 s.
  EXPECT_EQ(log, (Log{0, 1, 2, 103, 3, 4}));
}

TEST_F(Processes, QueuesCarryWhatCannotBeCopied) {
  Queue<std::unique_ptr<int>> queue(simulation, "requests");
  const auto producer = [](Queue<std::unique_ptr<int>>& out) -> Process {
    co_await out.put(std::make_unique<int>(7));
  };
  const auto consumer = [](Queue<std::unique_ptr<int>>& in, Log& notes) -> Process {
    const std::unique_ptr<int> item = co_await in.get();
    notes.push_back(*item);
  };
  simulation.spawn("consumer", consumer(queue, log));
  simulation.spawn("producer", producer(queue));
  simulation.run();
  EXPECT_EQ(log, (Log{7}));
}

Process arrive(Simulation& simulation, Barrier& barrier) {
  co_await simulation.delay(Seconds(1.5));
  co_await barrier.arrive();
}

TEST_F(Processes, ADeadlockSaysWhoWaitsForWhom) {
  Barrier barrier(simulation, "step", 4);
  for (const char* name : {"worker 0", "worker 3"}) {
    simulation.spawn(name, arrive(simulation, barrier));
  }
  EXPECT_EQ(deadlock_text(),
            "deadlock at 1.5 s: 2 processes wait for what can no longer happen:\n"
            "  worker 0 waits on barrier 'step' (2 of 4 arrived)\n"
            "  worker 3 waits on barrier 'step' (2 of 4 arrived)");
}

TEST_F(Processes, ADeadlockNamesEachKindOfThingWaitedOn) {
  Queue<int> empty(simulation, "requests");
  Queue<int> full(simulation, "batches", 1);
  Event event(simulation, "loaded");
  Semaphore semaphore(simulation, "blocks", 1);
  const auto gets = [](Queue<int>& queue) -> Process { co_await queue.get(); };
  const auto puts = [](Queue<int>& queue) -> Process {
    co_await queue.put(1);
    co_await queue.put(2);
  };
  const auto waits = [](Event& what) -> Process { co_await what.wait(); };
  const auto acquires = [](Semaphore& what) -> Process { co_await what.acquire(2); };
  const auto joins = [](ProcessHandle other) -> Process { co_await other; };
  const auto part = [](Queue<int>& queue) -> Process {
    const auto inner = [](Queue<int>& in) -> Process { co_await in.get(); };
    co_await inner(queue);
  };
  const ProcessHandle server = simulation.spawn("server", gets(empty));
  simulation.spawn("loader", puts(full));
  simulation.spawn("reader", waits(event));
  simulation.spawn("cache", acquires(semaphore));
  simulation.spawn("parent", joins(server));
  simulation.spawn("router", part(empty));
  EXPECT_EQ(deadlock_text(),
            "deadlock at 0 s: 6 processes wait for what can no longer happen:\n"
            "  server waits on queue 'requests' (empty)\n"
            "  loader waits on queue 'batches' (full, 1 items)\n"
            "  reader waits on event 'loaded' (not set)\n"
            "  cache waits on semaphore 'blocks' (1 free, next in line wants 2)\n"
            "  parent waits on process 'server'\n"
            "  router waits on queue 'requests' (empty)");
}

TEST_F(Processes, ADeadlockOfManyListsTheFirst) {
  Event event(simulation, "go");
  const auto waits = [](Event& what) -> Process { co_await what.wait(); };
  for (int i = 0; i < 100; ++i) simulation.spawn("w" + std::to_string(i), waits(event));
  const std::string text = deadlock_text();
  EXPECT_NE(text.find("100 processes wait"), std::string::npos);
  EXPECT_NE(text.find("w19 waits"), std::string::npos);
  EXPECT_EQ(text.find("w20 waits"), std::string::npos);
  EXPECT_NE(text.find("and 80 more"), std::string::npos);
}

TEST_F(Processes, AServerMayWaitAtTheEnd) {
  Queue<int> requests(simulation, "requests");
  const auto server = [](Queue<int>& in, Log& notes) -> Process {
    for (;;) notes.push_back(co_await in.get());
  };
  const auto client = [](Queue<int>& out) -> Process {
    co_await out.put(1);
    co_await out.put(2);
  };
  simulation.spawn("server", server(requests, log), AtEnd::may_wait);
  simulation.spawn("client", client(requests));
  simulation.run();
  EXPECT_EQ(log, (Log{1, 2}));
}

TEST_F(Processes, FramesAreDestroyedWithTheSimulation) {
  const auto held = std::make_shared<int>(1);
  {
    Simulation other(*engine);
    Event never(other, "never");
    const auto waits = [](Event& event, std::shared_ptr<int>) -> Process {
      const auto part = [](Event& what, std::shared_ptr<int>) -> Process { co_await what.wait(); };
      co_await part(event, std::make_shared<int>(2));
    };
    other.spawn("waits", waits(never, held), AtEnd::may_wait);
    other.run();
    const auto unstarted = waits(never, held);
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

// A hundred thousand short processes: what a day of requests is.
TEST_F(Processes, EndedOnesLeaveNothingBehind) {
  const auto request = [](Simulation& owner, double& ended) -> Process {
    co_await owner.delay(Seconds(1e-3));
    ++ended;
  };
  const auto source = [&request](Simulation& owner, double& ended) -> Process {
    for (int i = 0; i < 100'000; ++i) {
      owner.spawn("request", request(owner, ended));
      co_await owner.delay(Seconds(1e-4));
    }
  };
  double ended = 0;
  simulation.spawn("source", source(simulation, ended));
  simulation.run();
  EXPECT_EQ(ended, 100'000);
}

}  // namespace
}  // namespace windtunnel::sim::testing
