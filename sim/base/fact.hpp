// What a simulation has to say: facts (one named number each), tables, error bands, and what a fact rests
// on. Workloads fill an Outcome; every writer in reports/ derives from it, so a fact is named once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace windtunnel::base {

// How a fact is shown: name and description for people, unit as in "s", "bytes/s", "" (a count or ratio).
struct FactInfo {
  std::string name;
  std::string unit;
  std::string description;
};

// An interval that holds the truth with probability `level`.
struct Band {
  double low = 0.0;
  double high = 0.0;
  double level = 0.9;
};

using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

// Column names end in their unit (time_s, bytes) as in CSV headers.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
};

enum class Status { ok, infeasible, failed };
std::string_view to_text(Status status);

// Everything one case yields. Ordered maps: output is byte-identical for the same input and seed.
struct Outcome {
  Status status = Status::ok;
  std::string reason;  // why not ok
  std::map<std::string, double> facts;
  std::map<std::string, std::string>
      labels;  // facts that are words: algorithm, protocol (JSON: in facts)
  std::map<std::string, Band> bands;
  std::map<std::string, std::vector<std::string>>
      rests_on;  // measured interpolated model roofline extrapolated
  std::map<std::string, Table> tables;
  std::vector<std::string> warnings;
  std::int64_t events = 0;
};

}  // namespace windtunnel::base
