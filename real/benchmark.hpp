// A benchmark: a named list of points, each a row of the measurement file yet without its time.
//
// Life of a point: `prepare` allocates and fills its buffers (random data, never zeros) and returns
// what to time; the sweep warms it up, asks `check` whether the data came out right, samples it
// (sampling.hpp), asks for what is only known afterwards, writes the row and drops the Prepared,
// which frees the buffers. One point is alive at a time. Making the list of points needs no hardware:
// whatever touches the device belongs into `prepare`.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "real/fields.hpp"
#include "real/sampling.hpp"
#include "real/stopwatch.hpp"

namespace windtunnel::real {

// Thrown by `prepare` (or the first call) where this point cannot be measured here, with a sentence
// why: no algorithm for this format, more memory than there is, one GPU only. The sweep lists it as
// left out and goes on.
class PointRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Prepared {
  Work run;  // owns its buffers by capture
  // After the warm-up: an empty text, or what is wrong with the data (the point is not recorded and
  // the program ends with status 1). Empty function: nothing to check.
  std::function<std::string()> check{};
  // Columns only known once it has run: the algorithm taken, NCCL's own estimate, a kernel's name.
  std::function<Fields()> more_fields{};
  // Whole rows measured beside this one, with their own `kind` and `time_s` (the ops of a step, of
  // kind `step_op`).
  std::function<std::vector<Fields>()> more_rows{};
  Stopwatch* stopwatch = nullptr;      // null: the device's
  std::optional<SamplingPlan> plan{};  // none: the sweep's
};

struct Point {
  Fields fields;  // `kind` first; what tells this point from every other
  std::function<Prepared()> prepare;
};

struct Benchmark {
  std::string name;  // "gemm", "memory", "all_reduce"
  std::vector<Point> points;
};

}  // namespace windtunnel::real
