// Many independent pieces of work on all cores, a forked child each: what a sweep runs its cases
// on.
//
// Contract: at most `jobs` children at a time, started in order of index; the outcomes are in order
// of index whatever order they end in, so that the result does not depend on `jobs`. A job that
// throws or dies is an outcome, not the end of the rest. On SIGINT (Ctrl-C) no more jobs are
// started, those running are ended, and what has finished is kept; unless SIGINT was ignored, it is
// the pool's while it runs.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace windtunnel::sim {

enum class JobStatus { done, failed, interrupted };

struct JobOutcome {
  JobStatus status = JobStatus::interrupted;
  std::string payload;           // done: what the work returned
  std::string error;             // failed: the exception's text, or how the child died
  std::exception_ptr exception;  // failed: with its type, as from run_isolated()
};

struct PoolOptions {
  int jobs = 1;
  // Called in the parent as each job ends (done or failed), in order of ending.
  std::function<void(std::size_t index, const JobOutcome&)> on_finished;
};

struct PoolResult {
  std::vector<JobOutcome> outcomes;  // by index
  bool interrupted = false;
};

// Runs work(0) .. work(count - 1), each in a child. An exception of on_finished ends the pool
// (children included) and is passed on.
PoolResult run_jobs(std::size_t count, const std::function<std::string(std::size_t)>& work,
                    const PoolOptions& options);

// The cores that this process may use.
int available_cores();

}  // namespace windtunnel::sim
