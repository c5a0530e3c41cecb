#include "sim/base/interrupt.hpp"

#include <unistd.h>

namespace windtunnel::base {

namespace {

// What a signal handler may touch; the only mutable global of the program.
volatile std::sig_atomic_t requested_count = 0;

extern "C" void on_signal(int /*signal*/) {
  requested_count = requested_count + 1;
  if (requested_count > 1) _exit(kInterruptedStatus);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  requested_count = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

bool InterruptGuard::requested() {
  return requested_count > 0;
}

}  // namespace windtunnel::base
