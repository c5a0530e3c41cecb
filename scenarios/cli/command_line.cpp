#include <fmt/format.h>

#include <new>

#include "scenarios/cli/arguments.hpp"
#include "scenarios/cli/console.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/document/source_text.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios::cli {

namespace {

std::string help_page() {
  std::string page =
      "windtunnel: what a cluster would do, before it is built\n\n"
      "Usage: windtunnel VERB [ARGUMENTS]\n\nVerbs:\n";
  for (const Verb& verb : verbs()) page += fmt::format("  {:<10} {}\n", verb.name, verb.summary);
  page +=
      "\n`windtunnel VERB --help` says what a verb takes.\n"
      "`windtunnel --version` prints the version.\n\n"
      "Exit codes: 0 ok; 1 an expectation fails or nothing was feasible; 2 usage; 3 invalid "
      "input;\n"
      "4 something is missing here; 70 a bug in windtunnel; 130 interrupted, finished cases "
      "saved.\n";
  return page;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) names.emplace_back(verb.name);
  return names;
}

// `help VERB` and `--help VERB` are `VERB --help`.
ExitCode help(const std::vector<std::string>& arguments, const ToolVersion& tool) {
  if (arguments.size() > 1) return run_command_line({arguments[1], "--help"}, tool);
  Console({}).data(help_page());
  return ExitCode::ok;
}

ExitCode dispatch(const std::vector<std::string>& arguments, const ToolVersion& tool) {
  if (arguments.empty()) return help({}, tool);
  const std::string& word = arguments.front();
  if (word == "--help" || word == "-h" || word == "help") return help(arguments, tool);
  if (word == "--version" || word == "-V" || word == "version") {
    Console({}).data(fmt::format("windtunnel {} ({})\n", tool.version, tool.git));
    return ExitCode::ok;
  }
  for (const Verb& verb : verbs()) {
    if (verb.name == word) {
      return verb.run({.arguments = {arguments.begin() + 1, arguments.end()}, .tool = tool});
    }
  }
  if (word.front() == '-') {
    throw UsageError("", fmt::format("there is no flag '{}' before a verb", word));
  }
  const std::vector<std::string> names = verb_names();
  throw UsageError("",
                   fmt::format("there is no verb '{}'{}", word, base::did_you_mean(word, names)));
}

void say_usage(const UsageError& error) {
  const std::string of = error.verb().empty() ? "" : " " + error.verb();
  write_stderr(
      fmt::format("windtunnel{}: error: {}\nSee `windtunnel{} --help`.\n", of, error.what(), of));
}

}  // namespace

ExitCode run_command_line(const std::vector<std::string>& arguments, const ToolVersion& tool) {
  try {
    return dispatch(arguments, tool);
  } catch (const HelpRequested& request) {
    Console({}).data(request.page);
    return ExitCode::ok;
  } catch (const UsageError& error) {
    say_usage(error);
    return ExitCode::usage;
  } catch (const base::InputError& error) {
    Console({}).diagnostics(error.diagnostics());
    return only_unreadable(error.diagnostics()) ? ExitCode::environment : ExitCode::input;
  } catch (const base::EnvironmentError& error) {
    Console({}).error(error.what());
    return ExitCode::environment;
  } catch (const std::bad_alloc&) {
    Console({}).error("out of memory");
    return ExitCode::environment;
  } catch (const std::exception& error) {
    Console({}).error(fmt::format("this is a bug in windtunnel: {}", error.what()));
    return ExitCode::bug;
  }
}

}  // namespace windtunnel::scenarios::cli
