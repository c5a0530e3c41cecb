// Transfers per second of each engine: a ring all-reduce of 1 GiB, message by message, from 8 to
// 1,024 ranks.
//
// Beside each rate stands its ratio to a reference measured in the same run: a bare event loop on
// std::priority_queue that makes the same number of callbacks in the same pattern, without network,
// ports or routes. The ratio carries over between machines, the rate does not.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <queue>
#include <vector>

#include "tests/sim/engine/networks.hpp"
#include "tests/sim/engine/ring_driver.hpp"

namespace {

using namespace windtunnel::sim;
using windtunnel::base::Bytes;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class PlainEventLoop {
 public:
  double now() const { return now_; }
  void at(double time, std::function<void()> callback) {
    events_.push({time, next_++, std::move(callback)});
  }
  void run() {
    while (!events_.empty()) {
      Event event = std::move(const_cast<Event&>(events_.top()));
      events_.pop();
      now_ = event.time;
      event.callback();
    }
  }

 private:
  struct Event {
    double time;
    std::int64_t sequence;
    std::function<void()> callback;
    bool operator<(const Event& other) const {
      return time > other.time || (time == other.time && sequence > other.sequence);
    }
  };
  std::priority_queue<Event> events_;
  std::int64_t next_ = 0;
  double now_ = 0.0;
};

// The ring's pattern on the bare loop: each event is followed by one, until each rank has made its
// steps.
double reference_seconds(int ranks) {
  const auto begin = Clock::now();
  PlainEventLoop loop;
  const int steps = 2 * (ranks - 1);
  std::function<void(int, int)> send = [&](int rank, int step) {
    loop.at(loop.now() + 1e-6, [&send, rank, step, ranks, steps] {
      if (step + 1 < steps) send(rank + 1 == ranks ? 0 : rank + 1, step + 1);
    });
  };
  for (int rank = 0; rank < ranks; ++rank) send(rank, 0);
  loop.run();
  return seconds_since(begin);
}

double messages_of(int ranks) {
  return 2.0 * (ranks - 1) * ranks;
}

// Callbacks per second of the reference, the best of three.
double reference_rate(int ranks) {
  static std::map<int, double> known;
  double& rate = known[ranks];
  for (int i = 0; i < 3 && (i > 0 || rate == 0.0); ++i) {
    rate = std::max(rate, messages_of(ranks) / reference_seconds(ranks));
  }
  return rate;
}

double ring_seconds(Engine& engine, int ranks) {
  const auto begin = Clock::now();
  windtunnel::sim::testing::RingDriver ring(
      engine, windtunnel::sim::testing::all_gpus(engine.network()), Bytes(1 << 30));
  ring.run();
  benchmark::DoNotOptimize(ranks);
  return seconds_since(begin);
}

void report(benchmark::State& state, double total_seconds) {
  const auto ranks = static_cast<int>(state.range(0));
  const double messages = messages_of(ranks) * static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
  state.counters["of_reference"] = messages / total_seconds / reference_rate(ranks);
}

void BM_reference(benchmark::State& state) {
  const auto ranks = static_cast<int>(state.range(0));
  double total = 0.0;
  for ([[maybe_unused]] auto iteration : state) {
    const double time = reference_seconds(ranks);
    state.SetIterationTime(time);
    total += time;
  }
  report(state, total);
}

void BM_analytic(benchmark::State& state) {
  const auto ranks = static_cast<int>(state.range(0));
  const Network network = windtunnel::sim::testing::star(ranks);
  double total = 0.0;
  for ([[maybe_unused]] auto iteration : state) {
    const auto engine = make_analytic_engine(network, {});
    const double time = ring_seconds(*engine, ranks);
    state.SetIterationTime(time);
    total += time;
  }
  report(state, total);
}

void BM_simgrid(benchmark::State& state) {
  const auto ranks = static_cast<int>(state.range(0));
  const Network network = windtunnel::sim::testing::star(ranks);
  double total = 0.0;
  for ([[maybe_unused]] auto iteration : state) {
    const double time = windtunnel::sim::testing::isolated_numbers([&] {
      const auto engine = make_simgrid_engine(network, {});
      return std::vector<double>{ring_seconds(*engine, ranks)};
    })[0];
    state.SetIterationTime(time);
    total += time;
  }
  report(state, total);
}

// Creation of a SimGrid engine for `range` GPUs with one transfer each, child process included.
void BM_create_simgrid(benchmark::State& state) {
  const Network network = windtunnel::sim::testing::star(static_cast<int>(state.range(0)));
  for ([[maybe_unused]] auto iteration : state) {
    run_isolated([&] {
      const auto engine = make_simgrid_engine(network, {});
      const int gpus = network.gpu_count();
      for (int i = 0; i < gpus; ++i) {
        engine->transfer({network.gpu(i), network.gpu((i + 1) % gpus), Bytes(1)}, [] {});
      }
      return std::string();
    });
  }
}

BENCHMARK(BM_reference)->RangeMultiplier(2)->Range(8, 1024)->UseManualTime();
BENCHMARK(BM_analytic)->RangeMultiplier(2)->Range(8, 1024)->UseManualTime();
BENCHMARK(BM_simgrid)->RangeMultiplier(2)->Range(8, 1024)->UseManualTime();
BENCHMARK(BM_create_simgrid)->Arg(16384)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
