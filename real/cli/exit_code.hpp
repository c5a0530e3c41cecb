// Exit statuses of windtunnel-measure, those of contract.md section 1.
#pragma once

#include "sim/base/interrupt.hpp"

namespace windtunnel::real {

enum class ExitCode : int {
  ok = 0,
  wrong_data = 1,   // it ran, but a kernel or a collective gave wrong data
  usage = 2,        // the command line makes no sense
  input = 3,        // a file the user gave has errors
  environment = 4,  // no device, a file that cannot be written, a program that is missing
  bug = 70,
  interrupted = base::kInterruptedStatus  // finished points are saved
};

}  // namespace windtunnel::real
