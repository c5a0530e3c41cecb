// The two streams of the program: data on stdout, everything else on stderr.
//
// Contract: data() writes all of it or throws EnvironmentError (disk full); once the reader of a
// pipe has gone away (`| head`) the rest is dropped in silence. Colour is used on a stream only if
// it is a terminal that can do it (TERM is set and not "dumb") and NO_COLOR is not set, unless
// --color says otherwise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios::cli {

enum class ColorMode { automatic, always, never };
enum class Verbosity { normal, quiet, verbose };  // quiet: errors and data only

struct ConsoleOptions {
  ColorMode color = ColorMode::automatic;
  Verbosity verbosity = Verbosity::normal;
};

bool is_terminal(int file_descriptor);

class Console {
 public:
  explicit Console(const ConsoleOptions& options);

  void data(std::string_view text);
  void error(std::string_view message) const;
  void warning(std::string_view message) const;
  // Those of a result: by cause (warning_groups.hpp), or, verbose, one by one.
  void warnings(const std::vector<std::string>& all) const;
  void note(std::string_view message) const;  // "wrote out/result.json"
  // Errors always; warnings and notes unless quiet.
  void diagnostics(const base::Diagnostics& diagnostics) const;

  bool color_on_stdout() const { return color_on_stdout_; }
  bool color_on_stderr() const { return color_on_stderr_; }
  bool quiet() const { return options_.verbosity == Verbosity::quiet; }

 private:
  void line(std::string_view severity, std::string_view message) const;

  ConsoleOptions options_;
  bool color_on_stdout_;
  bool color_on_stderr_;
  bool reader_gone_ = false;
};

// All of `text` to stderr; never throws.
void write_stderr(std::string_view text);

}  // namespace windtunnel::scenarios::cli
