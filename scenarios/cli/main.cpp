// The program `windtunnel`: its arguments go to the verb they name.
#include <csignal>

#include "scenarios/cli/verb.hpp"

namespace windtunnel::scenarios::cli {
ToolVersion build_version();  // generated at build time, see revision.cmake
}

int main(int argc, char** argv) {
  namespace cli = windtunnel::scenarios::cli;
  // A reader that went away (`| head`) and a worker that died are told by the write that fails.
  std::signal(SIGPIPE, SIG_IGN);
  return static_cast<int>(cli::run_command_line({argv + 1, argv + argc}, cli::build_version()));
}
