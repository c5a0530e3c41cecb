#include "sim/engine/worker_pool.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>

#include "sim/base/contract.hpp"

namespace windtunnel::sim {
namespace {

using std::chrono::milliseconds;

void sleep_for(milliseconds time) {
  ::usleep(static_cast<useconds_t>(time.count() * 1000));
}

// The later the index the earlier it ends.
std::string work_of(std::size_t index) {
  sleep_for(milliseconds(8 - static_cast<int>(index % 8)));
  return "result " + std::to_string(index);
}

void expect_no_children_left() {
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(WorkerPool, ResultsAreInOrderWhateverTheNumberOfJobs) {
  for (const int jobs : {1, 2, 7, 50}) {
    const PoolResult result = run_jobs(20, work_of, {.jobs = jobs, .on_finished = {}});
    EXPECT_FALSE(result.interrupted);
    ASSERT_EQ(result.outcomes.size(), 20u);
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_EQ(result.outcomes[i].status, JobStatus::done);
      EXPECT_EQ(result.outcomes[i].payload, "result " + std::to_string(i));
    }
  }
}

TEST(WorkerPool, NothingToDoIsDoneAtOnce) {
  EXPECT_TRUE(run_jobs(0, work_of, {}).outcomes.empty());
}

TEST(WorkerPool, RunsNoMoreThanTheJobsAllowed) {
  const auto begin = std::chrono::steady_clock::now();
  const auto nap = [](std::size_t) {
    sleep_for(milliseconds(30));
    return std::string();
  };
  run_jobs(6, nap, {.jobs = 2, .on_finished = {}});
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(90));
}

TEST(WorkerPool, AJobThatThrowsOrDiesIsAnOutcomeAndTheRestGoesOn) {
  const auto work = [](std::size_t index) -> std::string {
    if (index == 1) throw base::EnvironmentError("no such file");
    if (index == 2) ::raise(SIGKILL);
    return std::to_string(index);
  };
  const PoolResult result = run_jobs(4, work, {.jobs = 2, .on_finished = {}});
  EXPECT_EQ(result.outcomes[0].payload, "0");
  EXPECT_EQ(result.outcomes[3].payload, "3");
  EXPECT_EQ(result.outcomes[1].status, JobStatus::failed);
  EXPECT_EQ(result.outcomes[1].error, "no such file");
  EXPECT_THROW(std::rethrow_exception(result.outcomes[1].exception), base::EnvironmentError);
  EXPECT_EQ(result.outcomes[2].status, JobStatus::failed);
  EXPECT_EQ(result.outcomes[2].error, "the worker process was killed by signal 9 (Killed)");
  expect_no_children_left();
}

TEST(WorkerPool, TellsOfEachJobOnceAsItEnds) {
  std::vector<std::size_t> told;
  run_jobs(12, work_of,
           {.jobs = 3, .on_finished = [&](std::size_t index, const JobOutcome& outcome) {
              EXPECT_EQ(outcome.payload, "result " + std::to_string(index));
              told.push_back(index);
            }});
  std::sort(told.begin(), told.end());
  ASSERT_EQ(told.size(), 12u);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(told[i], i);
}

TEST(WorkerPool, LargeResultsOfSeveralJobsDoNotBlockEachOther) {
  const auto work = [](std::size_t index) {
    return std::string(std::size_t{4} << 20, static_cast<char>('a' + index));
  };
  const PoolResult result = run_jobs(5, work, {.jobs = 5, .on_finished = {}});
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(result.outcomes[i].payload, work(i));
}

TEST(WorkerPool, AnExceptionOfTheCallerEndsTheChildrenAndGoesOn) {
  const auto work = [](std::size_t index) {
    if (index > 0) sleep_for(milliseconds(60'000));
    return std::string();
  };
  const auto begin = std::chrono::steady_clock::now();
  const auto fail = [](std::size_t, const JobOutcome&) { throw std::runtime_error("disk full"); };
  EXPECT_THROW(run_jobs(3, work, {.jobs = 3, .on_finished = fail}), std::runtime_error);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(10'000));
  expect_no_children_left();
}

TEST(WorkerPool, OnCtrlCKeepsWhatHasFinishedAndStartsNoMore) {
  const auto work = [](std::size_t index) {
    if (index >= 2) sleep_for(milliseconds(60'000));
    return std::to_string(index);
  };
  std::size_t ended = 0;
  const PoolResult result =
      run_jobs(50, work, {.jobs = 2, .on_finished = [&](std::size_t, const JobOutcome&) {
                            if (++ended == 2) ::kill(::getpid(), SIGINT);
                          }});
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.outcomes[0].payload, "0");
  EXPECT_EQ(result.outcomes[1].payload, "1");
  for (std::size_t i = 2; i < 50; ++i) {
    EXPECT_EQ(result.outcomes[i].status, JobStatus::interrupted);
  }
  expect_no_children_left();
}

TEST(WorkerPool, GivesTheInterruptBackAfterwards) {
  static volatile std::sig_atomic_t caught = 0;
  const auto previous = std::signal(SIGINT, [](int) { caught = 1; });
  run_jobs(1, work_of, {});
  ::raise(SIGINT);
  EXPECT_EQ(caught, 1);
  std::signal(SIGINT, previous);
}

TEST(WorkerPool, NeedsAtLeastOneJob) {
  EXPECT_THROW(run_jobs(1, work_of, {.jobs = 0, .on_finished = {}}), base::ContractViolation);
  EXPECT_GE(available_cores(), 1);
}

}  // namespace
}  // namespace windtunnel::sim
