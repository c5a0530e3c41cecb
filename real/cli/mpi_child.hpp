// windtunnel-measure-mpi started by mpirun, once a number of ranks: how the program itself stays free
// of MPI.
#pragma once

#include <string>

#include "real/cli/arguments.hpp"

namespace windtunnel::real {

// Empty, or a sentence that says what is missing: mpirun, or the program beside this one.
std::string mpi_trouble();

// Measures the verbs in `ranks` processes on this machine; returns the child's exit status.
// stdin is not touched; stdout and stderr are this program's own.
int measure_under_mpi(const Arguments& arguments, const std::vector<Verb>& verbs, int ranks,
                      base::Seconds budget);

}  // namespace windtunnel::real
