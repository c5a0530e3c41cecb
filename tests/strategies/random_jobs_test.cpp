// Every rank held against one of each stage on jobs drawn at random: sizes, rank orders, schedules,
// sharding, overlaps and software as they come.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <string>

#include "sim/base/random.hpp"
#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "strategies/train/software_stack.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::Subject;

class RandomJobs {
 public:
  explicit RandomJobs(std::uint64_t seed) : random_(seed, "jobs") {}

  TrainJob next(bool experts) {
    TrainJob job;
    job.workload.sequence_length = 2048;
    job.workload.global_batch = 64 * of({1, 2, 4});
    TrainStrategy& s = job.strategy;
    s.sizes.tensor = of({1, 2, 4, 8});
    s.sizes.context = of({1, 1, 2, 4});
    s.sizes.pipeline = of({1, 2, 4, 8});
    if (experts) {
      s.sizes.expert = of({1, 2, 4, 8});
      s.sizes.expert_tensor = of({1, 2, 8});
    }
    s.micro_batch = of({1, 2});
    s.schedule = any(all_pipeline_schedules());
    if (s.schedule == PipelineSchedule::interleaved) s.virtual_stages = of({1, 2, 5});
    s.zero = static_cast<ZeroLevel>(of({0, 1, 2, 3}));
    s.sequence_parallel = of({0, 1}) == 1;
    s.overlap = {.data = of({0, 1}) == 1, .tensor = of({0, 1}) == 1, .pipeline = of({0, 1}) == 1};
    s.software = any(software_stacks()).name;
    for (std::size_t i = s.rank_order.size(); i > 1; --i) {
      std::swap(s.rank_order[i - 1], s.rank_order[index(i)]);
    }
    return job;
  }

 private:
  std::size_t index(std::size_t count) {
    return std::min(static_cast<std::size_t>(random_.uniform(0, static_cast<double>(count))),
                    count - 1);
  }
  template <class List>
  typename List::value_type any(const List& list) {
    return *(list.begin() + static_cast<std::ptrdiff_t>(index(list.size())));
  }
  std::int64_t of(std::initializer_list<std::int64_t> list) { return any(list); }

  base::RandomStream random_;
};

// 64 GPUs.
struct Place {
  Subject gpt{"gpt3-13b"}, moe{"mixtral-8x7b"};
  sim::ValidCluster cluster = test::valid(test::h100_cluster(8));
  sim::Network network{cluster};
  test::FixedRates kernels{600e12, 2.5e12};

  base::Outcome run(const TrainJob& job, bool experts, const EngineFactory& factory) const {
    const Subject& subject = experts ? moe : gpt;
    TrainOptions options;
    if (factory) options.every_rank.emplace(network, factory);
    return run_train(job, {subject.model, subject.network}, {cluster, kernels, nullptr}, options);
  }
};

std::string words_for(const TrainJob& job) {
  const TrainStrategy& s = job.strategy;
  std::string order;
  for (const ParallelDimension one : s.rank_order) order += std::string(to_text(one)) + " ";
  return std::string(to_text(s.schedule)) + " x" + std::to_string(s.virtual_stages) + ", tensor " +
         std::to_string(s.sizes.tensor) + ", context " + std::to_string(s.sizes.context) +
         ", pipeline " + std::to_string(s.sizes.pipeline) + ", expert " +
         std::to_string(s.sizes.expert) + "x" + std::to_string(s.sizes.expert_tensor) + ", zero " +
         std::to_string(static_cast<int>(s.zero)) + ", order " + order + s.software;
}

double part_sum(const base::Outcome& out) {
  double sum = 0.0;
  for (const auto& [name, value] : out.facts) {
    if (name.starts_with("time_") && name.ends_with("_s")) sum += value;
  }
  return sum;
}

// From the peak to the iteration, without a step back.
void expect_waterfall(const base::Outcome& out, const TrainJob& job) {
  const double time = out.facts.at("iteration_time_s");
  double sum = 0.0;
  for (const auto& row : out.tables.at("waterfall").rows) {
    const double part = std::get<double>(row[1]);
    EXPECT_GE(part, 0.0) << std::get<std::string>(row[0]) << ": " << words_for(job);
    sum += part;
  }
  EXPECT_NEAR(sum / time, 1.0, 1e-9) << words_for(job);
}

TEST(RandomJobs, TakeTheSameWithEveryRankAndSpendItOnTheSame) {
  const Place place;
  RandomJobs jobs(7);
  int ran = 0;
  for (int i = 0; i < 250; ++i) {
    const bool experts = i % 2 == 1;
    const TrainJob job = jobs.next(experts);
    const base::Outcome folded = place.run(job, experts, {});
    if (folded.facts.empty()) continue;  // no such job
    ++ran;
    const base::Outcome every = place.run(job, experts, sim::make_analytic_engine);
    const double time = folded.facts.at("iteration_time_s");
    EXPECT_NEAR(every.facts.at("iteration_time_s") / time, 1.0, 1e-9) << words_for(job);
    EXPECT_NEAR(part_sum(every) / time, 1.0, 1e-9) << words_for(job);
    expect_waterfall(folded, job);
    expect_waterfall(every, job);
    for (const auto& [name, value] : folded.facts) {
      if (!name.starts_with("time_")) continue;
      EXPECT_NEAR(every.facts.at(name), value, 1e-8 * time) << name << ": " << words_for(job);
    }
  }
  EXPECT_GT(ran, 100);
}

// A job that is not slowed is as fast on simgrid, to the precision of its solver.
TEST(RandomJobs, AreNeverFasterWhereLinksAreShared) {
  const Place place;
  RandomJobs jobs(11);
  for (int i = 0; i < 60; ++i) {
    const bool experts = i % 2 == 1;
    const TrainJob job = jobs.next(experts);
    const base::Outcome folded = place.run(job, experts, {});
    if (folded.facts.empty()) continue;
    const std::string complaint = sim::run_isolated([&]() -> std::string {
      const base::Outcome shared = place.run(job, experts, sim::make_simgrid_engine);
      const double time = shared.facts.at("iteration_time_s");
      if (time < folded.facts.at("iteration_time_s") * (1 - 1e-4)) return "faster";
      if (std::fabs(part_sum(shared) / time - 1) > 1e-9) return "parts do not add up";
      for (const auto& [name, value] : shared.facts) {
        if (name == "memory_headroom_bytes") continue;  // below 0 where it does not fit
        if (value < -1e-6 * time) return name + " is negative: " + std::to_string(value);
      }
      return "";
    });
    EXPECT_EQ(complaint, "") << words_for(job);
  }
}

}  // namespace
}  // namespace windtunnel::strategies
