// Measures the points of a list of benchmarks one after the other and hands each finished row on.
//
// Between processes every rank walks the same list; rank 0 knows which points are done already and
// whether the budget is spent, and all follow it. A point that cannot be measured here, and one whose
// data came out wrong, is listed and the sweep goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "real/benchmark.hpp"
#include "real/measuring_device.hpp"
#include "real/sampling.hpp"

namespace windtunnel::real {

struct SweepOptions {
  SamplingPlan plan{};
  base::Seconds budget = base::Seconds::infinity();  // no point is begun that would not end in it
  Fields provenance{};                               // columns of every row: host, command, source
  std::function<bool(const std::string& point)> known{};
  std::function<void(const Fields& row)> write{};           // rank 0 only
  std::function<void(const std::string& line)> progress{};  // rank 0 only; may be empty
  StopSignal stop{};
};

struct PointTrouble {
  Fields point;
  std::string reason;
};

struct SweepResult {
  std::int64_t points = 0, measured = 0, known = 0, left = 0;  // left: for want of time
  std::vector<PointTrouble> refused;                           // cannot be measured here
  std::vector<PointTrouble> wrong;                             // ran, but its data are not right
  bool interrupted = false;
};

SweepResult run_sweep(MeasuringDevice& device, const std::vector<Benchmark>& benchmarks,
                      const SweepOptions& options);

// "gemm m=64 n=128 k=256 precision=bf16".
std::string describe(const Fields& point);

}  // namespace windtunnel::real
