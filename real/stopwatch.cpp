#include "real/stopwatch.hpp"

#include <chrono>

namespace windtunnel::real {

base::Seconds SteadyStopwatch::time(const Work& work, std::int64_t first, std::int64_t calls) {
  if (wait_) wait_();
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t call = first; call < first + calls; ++call) work(call);
  if (wait_) wait_();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return base::Seconds(taken.count());
}

}  // namespace windtunnel::real
