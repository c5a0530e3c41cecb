// One measured row, and the readers that make rows out of files.
//
// Every kind of contract.md section 5 shares `GenericRow`: the named fields of one line. A
// collective row is also understood, as `CollectiveMeasurement`. Files are told apart by their
// content, never by their name:
//   CSV with a header whose first column is `kind`      -> rows of any kind
//   nccl-tests text (`#  size  count  type ... time`)    -> collective rows (see nccl_tests.hpp)
//   nccl-tests JSON (`-J`)                               -> collective rows
// Contract: what cannot be used is a Diagnostic with file:line:col; a row without a time is skipped
// and counted; nothing is dropped in silence. A file that cannot be opened is an EnvironmentError.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/collective.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::calibration {

struct RowOrigin {
  std::string file;
  int line = 0;
};

struct GenericRow {
  RowOrigin origin;
  std::string kind;
  std::map<std::string, std::string> fields;  // by column name; blank columns are left out

  std::string field(const std::string& name) const;  // "" where blank
};

struct CollectiveMeasurement {
  RowOrigin origin;
  collectives::Op op = collectives::Op::all_reduce;
  collectives::Algorithm algorithm =
      collectives::Algorithm::automatic;  // forced or reported; else automatic
  collectives::Protocol protocol = collectives::Protocol::automatic;
  base::Bytes bytes{0};
  int nodes = 1;
  int gpus_per_node = 1;
  base::Seconds time{0};
  std::string gpu, fabric, interconnect, tuning, stack, launch, source;

  int ranks() const { return nodes * gpus_per_node; }
};

struct SkippedRow {
  RowOrigin origin;
  std::string reason;
};

struct MeasurementFile {
  std::string name;    // file name without its folders
  std::string sha256;  // of the bytes, 64 hex digits
  std::string format;  // "measurement CSV", "nccl-tests text", "nccl-tests JSON"
};

// What the user knows and a log of nccl-tests may not say. What the log says itself wins.
struct LogHints {
  std::optional<collectives::Op> op;
  int nodes = 0;  // 0: not known
  int gpus_per_node = 0;
};

struct LogShape {
  int ranks = 0, nodes = 1;
};
// Ranks and nodes of a run: `ranks` and `nodes` as the log has them, 0 where it does not list them;
// a rank count that was only worked out from a command line gives way to both hints together.
LogShape shape_of_log(int listed_ranks, int listed_nodes, int worked_out_ranks,
                      const LogHints& hints);

struct Measurements {
  std::vector<MeasurementFile> files;
  std::vector<CollectiveMeasurement> collectives;
  std::vector<GenericRow> other;  // every other kind
  std::vector<SkippedRow> skipped;
  std::vector<std::string>
      emptied;  // a sentence for each filter that let none of a file's rows pass
  base::Diagnostics diagnostics;

  void append(Measurements more);
};

// The row as a collective; a reason in words where it is none.
struct CollectiveReading {
  std::optional<CollectiveMeasurement> row;
  std::string reason;
  std::vector<std::string> warnings;
};
CollectiveReading read_collective(const GenericRow& row);

// `text` is the content of `file` (used in messages). Never throws.
Measurements read_measurements(std::string_view text, const std::string& file,
                               const LogHints& hints = {});
// Throws EnvironmentError where the file cannot be read.
Measurements read_measurement_file(const std::filesystem::path& path, const LogHints& hints = {});

// `COLUMN=VALUE` as --where takes it, of any column of the schema. VALUE may be a comma list, and
// several filters on one column let any of their values pass; different columns must all hold.
// `nodes<=8`, `nodes>=2` and `tuning!=env1` arrive as column "nodes<", "nodes>", "tuning!".
struct Filter {
  std::string column, value;
};
// Filters by column and relation: '=', '<' (at most), '>' (at least), '!' (none of).
using FilterGroups = std::map<std::pair<std::string, char>, std::vector<std::string>>;
FilterGroups grouped(const std::vector<Filter>& filters);
bool passes(const std::string& text, char relation, const std::vector<std::string>& values);
// Columns of rows that are no collectives: a filter on one lets no collective row pass.
std::vector<std::string> kernel_columns();
// Keeps the collective rows that pass; a row that does not is not listed as skipped. An unknown
// column is a diagnostic.
void apply_filters(Measurements& measurements, const std::vector<Filter>& filters);

}  // namespace windtunnel::calibration
