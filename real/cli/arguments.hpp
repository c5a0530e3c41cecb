// The command line of windtunnel-measure, parsed and checked.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "real/open_device.hpp"
#include "real/sampling.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

enum class Mode { measure, list, dry_run };
enum class Header { with, without };  // of rows on stdout

struct Arguments {
  std::vector<Verb> verbs;
  enum class Asked { named, all } asked = Asked::named;  // all: what a device lacks is passed over
  Mode mode = Mode::measure;
  Header header = Header::with;
  std::string device = "cuda";
  DeviceOptions device_options;
  Selection selection;
  SamplingPlan plan;
  base::Seconds budget = base::Seconds::infinity();
  std::string out;  // blank: rows go to stdout
  std::string host, source, command;
  std::vector<int> ranks;        // of MPI collectives on the CPU; empty: own choice
  std::vector<std::string> raw;  // the options as given, verbs left out, for a child program
};

// What ends the program before it starts: --help (status 0) or a mistake (2), with its text.
struct CommandLineEnd {
  int status = 0;
  std::string text;
};

// Throws CommandLineEnd, InputError (a shapes file) or EnvironmentError (one that cannot be read).
Arguments parse_command_line(const std::vector<std::string>& words);

}  // namespace windtunnel::real
