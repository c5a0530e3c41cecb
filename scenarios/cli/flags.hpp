// Flags that several verbs share, with one spelling and one meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/cli/arguments.hpp"
#include "scenarios/cli/console.hpp"
#include "scenarios/cli/format.hpp"
#include "scenarios/cli/progress.hpp"

namespace windtunnel::scenarios {
struct LoadOptions;
}

namespace windtunnel::scenarios::cli {

// --format, --quiet, --verbose, --color.
struct OutputFlags {
  std::string format_word = "table";
  std::string color_word = "auto";
  bool quiet = false;
  bool verbose = false;

  void add_to(Arguments& arguments);
  Format format() const { return format_from_text(format_word); }
  Console console() const;
};

// --engine, --set, --seed: what changes a scenario from outside.
struct ScenarioFlags {
  std::string engine_word;
  std::vector<std::string> sets;
  std::optional<std::uint64_t> seed;

  void add_to(Arguments& arguments);
  LoadOptions load_options() const;
};

// --jobs, --no-progress.
struct WorkFlags {
  std::optional<std::uint64_t> jobs_given;
  bool no_progress = false;

  void add_to(Arguments& arguments);
  int jobs() const;  // default: the processors this program may use
  ProgressMode progress(const Console& console) const;
};

}  // namespace windtunnel::scenarios::cli
