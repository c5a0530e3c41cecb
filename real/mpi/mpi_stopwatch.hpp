// The wall's clock for work of several ranks on a machine that other processes use too.
//
// All ranks start together. A batch during which the system took the processor away from any rank is
// no sample of the collective: it is taken again, up to kTries times, and the last counts whatever
// happened to it. `take_preempted` says how many were thrown away.
#pragma once

#include "real/stopwatch.hpp"

namespace windtunnel::real {

class MpiStopwatch : public Stopwatch {
 public:
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;
  int take_preempted();

 private:
  static constexpr int kTries = 12;
  int preempted_ = 0;
};

}  // namespace windtunnel::real
