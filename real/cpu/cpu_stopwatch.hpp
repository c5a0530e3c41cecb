// A clock for work on one CPU thread (and those that it waits for by spinning) on a machine that
// other processes use too.
//
// Model: steady_clock, unless the kernel took the processor away from this thread meanwhile
// (involuntary context switches rose) and the thread never gave it up by itself: then the thread's
// own CPU time, which leaves out what the others ran. Work that blocks is always timed by the wall.
// What the others do to caches and clock rates stays in. `take_preempted` says how often.
#pragma once

#include "real/stopwatch.hpp"

namespace windtunnel::real {

class CpuStopwatch : public Stopwatch {
 public:
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;
  // Batches timed by CPU time since this was last asked.
  int take_preempted();

 private:
  int preempted_ = 0;
};

}  // namespace windtunnel::real
