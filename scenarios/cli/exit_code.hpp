// What the exit status of every verb means (contract.md section 1). Scripts rely on the numbers.
#pragma once

#include "sim/base/interrupt.hpp"

namespace windtunnel::scenarios::cli {

enum class ExitCode : int {
  ok = 0,
  not_met = 1,      // it ran, but an expectation fails, two results differ, or nothing was feasible
  usage = 2,        // the command line makes no sense
  input = 3,        // a file the user gave has errors; nothing was run
  environment = 4,  // something is missing here: a file, a device, a tool, or a verb not built yet
  bug = 70,         // a broken contract in windtunnel
  interrupted = base::kInterruptedStatus
};

}  // namespace windtunnel::scenarios::cli
