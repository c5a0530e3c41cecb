// Ctrl-C during long work: the first one asks it to stop after what is in hand, the second ends the
// program at once. Signals are process-wide, so this is one object at a time, for as long as the
// work runs.
#pragma once

#include <csignal>

namespace windtunnel::base {

constexpr int kInterruptedStatus = 130;  // the exit status of a program that was interrupted

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

}  // namespace windtunnel::base
