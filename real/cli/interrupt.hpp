// Ctrl-C while points are measured: the first asks the sweep to stop after the sample in hand, the
// second ends the program at once. Signals are process-wide: one object at a time.
#pragma once

#include <csignal>

namespace windtunnel::real {

class InterruptGuard {
 public:
  InterruptGuard();   // takes over SIGINT and SIGTERM
  ~InterruptGuard();  // gives them back
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool requested();

 private:
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
};

}  // namespace windtunnel::real
