// One verb of the command line. Adding one: a file verb_<name>.cpp with the function, its
// declaration here, and a row in the table in verbs.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/cli/exit_code.hpp"

namespace windtunnel::scenarios::cli {

// What the build says about itself: release, git revision ("unknown" outside a checkout).
struct ToolVersion {
  std::string version;
  std::string git;
};

struct Invocation {
  std::vector<std::string> arguments;  // those after the verb
  ToolVersion tool;
};

struct Verb {
  std::string_view name;
  std::string_view synopsis;  // what follows the name
  std::string_view summary;   // one line
  ExitCode (*run)(const Invocation&);
};

// In the order of the help page.
std::span<const Verb> verbs();

ExitCode verb_run(const Invocation& invocation);
ExitCode verb_check(const Invocation& invocation);
ExitCode verb_plan(const Invocation& invocation);
ExitCode verb_calibrate(const Invocation& invocation);
ExitCode verb_validate(const Invocation& invocation);
ExitCode verb_compare(const Invocation& invocation);
ExitCode verb_report(const Invocation& invocation);
ExitCode verb_explain(const Invocation& invocation);
ExitCode verb_lab(const Invocation& invocation);
ExitCode verb_list(const Invocation& invocation);
ExitCode verb_schema(const Invocation& invocation);
ExitCode verb_doctor(const Invocation& invocation);

// Finds the verb, runs it, and turns everything thrown into a message on stderr and an exit code:
// the one catch of the program.
ExitCode run_command_line(const std::vector<std::string>& arguments, const ToolVersion& tool);

}  // namespace windtunnel::scenarios::cli
