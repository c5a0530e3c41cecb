// The built program, run as its users run it: arguments in; exit status, stdout and stderr out.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace windtunnel::tests {

struct RunOptions {
  std::map<std::string, std::string> environment{};  // set on top of a plain one (PATH, TERM=xterm)
  std::string directory{};                           // working directory{}; empty: this one's
  std::string input{};                               // for stdin
  int signal = 0;                                    // sent once `signal_after` has passed
  std::chrono::milliseconds signal_after{0};
  std::string stdout_path{};  // stdout goes to this file instead (/dev/full)
};

struct Finished {
  int exit_code = -1;  // -signal where one ended it
  std::string out;
  std::string err;
};

Finished windtunnel(const std::vector<std::string>& arguments, const RunOptions& options = {});

// The same with stderr (and stdout) on a terminal of 80 columns; what it showed is in `err`.
Finished windtunnel_on_terminal(const std::vector<std::string>& arguments,
                                const RunOptions& options = {});

// A shell command line in which $WT is the program; for pipes.
Finished shell(const std::string& command);

// A folder of its own for the running test, empty, removed by nobody (below the build folder).
std::string scratch_folder();

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);
bool exists(const std::string& path);

}  // namespace windtunnel::tests
