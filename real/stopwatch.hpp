// How long a run of calls takes on one device's clock.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "sim/base/quantity.hpp"

namespace windtunnel::real {

// One call of the work under test. The number counts calls from the first warm-up on, so that a
// benchmark can rotate its buffers (call % buffers) past the caches. On a GPU a call queues work and
// returns; on a CPU it is done when it returns.
using Work = std::function<void(std::int64_t call)>;

class Stopwatch {
 public:
  virtual ~Stopwatch() = default;
  // Time from the start of call `first` to the end of call `first + calls - 1`, run back to back;
  // returns when all of it is done. The clock's own cost is not part of it as far as it is known.
  // Throws what the work throws.
  virtual base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) = 0;
};

// std::chrono::steady_clock; `wait` (may be empty) is called before the clock starts and before it
// stops (device synchronisation, a barrier between processes).
class SteadyStopwatch : public Stopwatch {
 public:
  SteadyStopwatch() = default;
  explicit SteadyStopwatch(std::function<void()> wait) : wait_(std::move(wait)) {}
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;

 private:
  std::function<void()> wait_;
};

}  // namespace windtunnel::real
