// Ctrl-C while cases run: the first one asks the study to stop after what is finished, the second
// ends the program at once. Signals are process-wide, so this is one object at a time, for as long
// as a study runs.
#pragma once

#include <csignal>

namespace windtunnel::scenarios::cli {

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

}  // namespace windtunnel::scenarios::cli
