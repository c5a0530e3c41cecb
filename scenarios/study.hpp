// A study: every case of some loaded scenarios, run, and the result that reports render.
//
// Each (sweep point, op, algorithm, size) is a case. The network of a sweep point is built once for
// all its cases, and once for neighbouring points that describe the same cluster. Cases that are
// answered by a formula run in this process, one after the other; cases that need an engine run in
// forked workers, `jobs` at a time, and a worker that dies takes down its case only (status
// `failed` with the reason). Law: same scenarios, seed and build give the same cases, byte for byte
// apart from wall_s, whatever `jobs`.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "reports/result.hpp"
#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

struct StudyOptions {
  int jobs = 1;
  std::string tool_version{};
  std::string tool_git{};
  // Asked between cases; once it says true, what is finished is kept and nothing more is started.
  std::function<bool()> stop_requested = [] { return false; };
  // Cases finished and in all; called from this process.
  std::function<void(std::int64_t, std::int64_t)> on_progress = [](std::int64_t, std::int64_t) {};
};

// Why cases failed, the worst first.
enum class FailureCause { bug, environment, none };

struct Study {
  reports::Result result;  // cases in the order of the scenarios, finished ones only
  std::int64_t planned_cases = 0;
  bool interrupted = false;
  int failed_expectations = 0;
  FailureCause failure = FailureCause::none;
};

Study run_study(std::span<const LoadedScenario> scenarios, const StudyOptions& options);

// How many cases each would run, without running them (`check`).
std::int64_t count_cases(const LoadedScenario& scenario);

}  // namespace windtunnel::scenarios
