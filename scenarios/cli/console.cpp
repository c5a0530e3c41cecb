#include "scenarios/cli/console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "scenarios/cli/warning_groups.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

// 0, or the errno of the write that failed.
int write_all(int file_descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file_descriptor, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

bool use_color(ColorMode mode, int file_descriptor) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  return is_terminal(file_descriptor);
}

std::string paint(std::string_view severity) {
  const std::string_view code = severity == "error"     ? "1;31"
                                : severity == "warning" ? "1;35"
                                                        : "1;36";
  return fmt::format("\x1b[{}m{}:\x1b[0m", code, severity);
}

// Colours the severity of "FILE:LINE:COL: error: message".
std::string paint_line(std::string line) {
  for (const std::string_view severity : {"error", "warning", "note"}) {
    const std::string plain = fmt::format("{}: ", severity);
    const std::size_t at = line.rfind(plain, 0) == 0 ? 0 : line.find(" " + plain);
    if (at == std::string::npos) continue;
    return line.replace(at == 0 ? 0 : at + 1, severity.size() + 1, paint(severity));
  }
  return line;
}

}  // namespace

bool is_terminal(int file_descriptor) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(file_descriptor) == 1 && terminal != nullptr && *terminal != '\0' &&
         std::strcmp(terminal, "dumb") != 0;
}

void write_stderr(std::string_view text) {
  write_all(STDERR_FILENO, text);
}

Console::Console(const ConsoleOptions& options)
    : options_(options),
      color_on_stdout_(use_color(options.color, STDOUT_FILENO)),
      color_on_stderr_(use_color(options.color, STDERR_FILENO)) {}

void Console::data(std::string_view text) {
  if (reader_gone_) return;
  const int error = write_all(STDOUT_FILENO, text);
  if (error == EPIPE) {
    reader_gone_ = true;
  } else if (error != 0) {
    throw base::EnvironmentError(
        fmt::format("cannot write to standard output: {}", std::strerror(error)));
  }
}

void Console::line(std::string_view severity, std::string_view message) const {
  const std::string head = color_on_stderr_ ? paint(severity) : fmt::format("{}:", severity);
  write_stderr(fmt::format("windtunnel: {} {}\n", head, message));
}

void Console::error(std::string_view message) const {
  line("error", message);
}

void Console::warning(std::string_view message) const {
  if (!quiet()) line("warning", message);
}

void Console::warnings(const std::vector<std::string>& all) const {
  const bool each = options_.verbosity == Verbosity::verbose;
  for (const std::string& one : each ? all : by_cause(all)) warning(one);
}

void Console::note(std::string_view message) const {
  if (!quiet()) write_stderr(fmt::format("{}\n", message));
}

void Console::diagnostics(const base::Diagnostics& diagnostics) const {
  base::Diagnostics shown;
  for (const base::Diagnostic& diagnostic : diagnostics.all()) {
    if (!quiet() || diagnostic.severity == base::Severity::error) shown.add(diagnostic);
  }
  if (!color_on_stderr_) return write_stderr(shown.to_text());
  std::istringstream lines(shown.to_text());
  std::string painted;
  for (std::string one; std::getline(lines, one);) painted += paint_line(std::move(one)) + "\n";
  write_stderr(painted);
}

}  // namespace windtunnel::scenarios::cli
