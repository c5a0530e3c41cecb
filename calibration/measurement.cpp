#include "calibration/measurement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

#include "calibration/csv.hpp"
#include "calibration/nccl_tests.hpp"
#include "calibration/serve_tables.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

std::optional<int> count(const GenericRow& row, const std::string& name) {
  const auto value = number(row.field(name));
  if (!value || *value < 1.0 || *value > 1e7 || *value != std::floor(*value)) return {};
  return static_cast<int>(*value);
}

// Any two of ranks, nodes and GPUs a node give the third.
bool fill_shape(const GenericRow& row, CollectiveMeasurement& out) {
  const auto ranks = count(row, "ranks");
  const auto nodes = count(row, "nodes");
  const auto per_node = count(row, "gpus_per_node");
  if (nodes && per_node) {
    out.nodes = *nodes;
    out.gpus_per_node = *per_node;
    return !ranks || *ranks == *nodes * *per_node;
  }
  if (!ranks) return false;
  out.nodes = nodes.value_or(per_node ? std::max(1, *ranks / *per_node) : 1);
  out.gpus_per_node = *ranks / out.nodes;
  return out.ranks() == *ranks;
}

bool fill_size_and_time(const GenericRow& row, CollectiveReading& out,
                        CollectiveMeasurement& made) {
  const auto bytes = number(row.field("bytes"));
  const auto time = number(row.field("time_s"));
  if (!bytes || *bytes < 0.0)
    out.reason = "bytes is blank or not a size";
  else if (!time && row.field("time_s").empty())
    out.reason = "time_s is blank";
  else if (!time || *time <= 0.0)
    out.reason = "time_s is not a time above 0";
  if (!out.reason.empty()) return false;
  made.bytes = base::Bytes(*bytes);
  made.time = base::Seconds(*time);
  return true;
}

void fill_choice(const GenericRow& row, CollectiveReading& out, CollectiveMeasurement& made) {
  const std::string algorithm = row.field("algorithm");
  if (algorithm == "nvls_tree") {
    made.algorithm = collectives::Algorithm::in_network;
  } else if (!algorithm.empty()) {
    const auto known = collectives::algorithm_from_text(algorithm);
    if (known)
      made.algorithm = *known;
    else
      out.warnings.push_back("unknown algorithm '" + algorithm + "', read as not stated");
  }
  const std::string protocol = row.field("protocol");
  if (protocol.empty()) return;
  const auto known = collectives::protocol_from_text(protocol);
  if (known)
    made.protocol = *known;
  else
    out.warnings.push_back("unknown protocol '" + protocol + "', read as not stated");
}

GenericRow make_row(const std::vector<std::string>& header, const CsvRow& line,
                    const std::string& file) {
  GenericRow row;
  row.origin = {file, line.line};
  const std::size_t width = std::min(header.size(), line.fields.size());
  for (std::size_t i = 0; i < width; ++i) {
    if (!line.fields[i].text.empty()) row.fields.emplace(header[i], line.fields[i].text);
  }
  row.kind = row.field("kind");
  return row;
}

// A file that was cut off: its last line has no end and fewer fields than the header.
bool is_cut_off(std::string_view text, const std::vector<CsvRow>& lines) {
  return !text.ends_with('\n') && !text.ends_with('\r') && lines.size() > 1 &&
         lines.back().fields.size() < lines.front().fields.size();
}

void add_row(Measurements& out, GenericRow row) {
  if (row.kind != "collective") {
    out.other.push_back(std::move(row));
    return;
  }
  CollectiveReading reading = read_collective(row);
  for (const auto& warning : reading.warnings)
    out.diagnostics.warning({row.origin.file, row.origin.line, 0}, warning);
  if (reading.row)
    out.collectives.push_back(std::move(*reading.row));
  else
    out.skipped.push_back({row.origin, reading.reason});
}

Measurements read_csv(std::string_view text, const std::string& file) {
  Measurements out;
  const std::vector<CsvRow> lines = parse_csv(text, file, out.diagnostics);
  if (lines.empty()) return out;
  std::vector<std::string> header;
  for (const CsvField& field : lines[0].fields) {
    if (std::find(header.begin(), header.end(), field.text) != header.end())
      out.diagnostics.error({file, lines[0].line, field.column},
                            "column '" + field.text + "' stands twice in the header");
    header.push_back(field.text);
  }
  const auto table = serve_table_of(header);
  if (lines.size() == 1)
    out.diagnostics.error({file, lines[0].line, 1}, "the file holds a header and no rows");
  if (is_cut_off(text, lines))
    out.diagnostics.error({file, lines.back().line, 1},
                          fmt::format("the file is cut off here: its last line has {} of {} fields "
                                      "and no end",
                                      lines.back().fields.size(), header.size()));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const CsvRow& line = lines[i];
    if (line.fields.size() > header.size())
      out.diagnostics.error(
          {file, line.line, line.fields[header.size()].column},
          fmt::format("this row has {} fields, the header {}", line.fields.size(), header.size()));
    GenericRow row = make_row(header, line, file);
    if (table) {
      if (header.front() != "kind") row.kind = "serve";
      row.fields.emplace("table", *table);
    }
    add_row(out, std::move(row));
  }
  return out;
}

// The header may come after blank lines and '#' comments.
bool looks_like_measurement_csv(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    const std::string_view line = text.substr(0, end);
    if (!line.empty() && line[0] != '#')
      return line.starts_with("kind,") || line.starts_with("\"kind\",") ||
             serve_table_of_line(line).has_value();
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

std::string GenericRow::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

void Measurements::append(Measurements more) {
  const auto move_all = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  move_all(files, more.files);
  move_all(collectives, more.collectives);
  move_all(other, more.other);
  move_all(skipped, more.skipped);
  move_all(emptied, more.emptied);
  diagnostics.append(more.diagnostics);
}

CollectiveReading read_collective(const GenericRow& row) {
  CollectiveReading out;
  CollectiveMeasurement made;
  made.origin = row.origin;
  const auto op = collectives::op_from_text(row.field("op"));
  if (!op) {
    out.reason = "unknown op '" + row.field("op") + "'";
    return out;
  }
  made.op = *op;
  if (!fill_shape(row, made)) {
    out.reason = "ranks, nodes and gpus_per_node are missing or do not agree";
    return out;
  }
  if (!fill_size_and_time(row, out, made)) return out;
  fill_choice(row, out, made);
  made.gpu = row.field("gpu");
  made.fabric = row.field("fabric");
  made.interconnect = row.field("interconnect");
  made.tuning = row.field("tuning");
  made.stack = row.field("stack").empty() ? row.field("software") : row.field("stack");
  made.launch = row.field("launch");
  made.source = row.field("source");
  out.row = std::move(made);
  return out;
}

LogShape shape_of_log(int listed_ranks, int listed_nodes, int worked_out_ranks,
                      const LogHints& hints) {
  if (listed_ranks > 0) return {listed_ranks, std::max(1, listed_nodes)};
  if (hints.nodes > 0 && hints.gpus_per_node > 0)
    return {hints.nodes * hints.gpus_per_node, hints.nodes};
  if (hints.nodes > 0) return {worked_out_ranks, hints.nodes};
  if (hints.gpus_per_node > 0) {
    return {std::max(worked_out_ranks, hints.gpus_per_node),
            std::max(1, worked_out_ranks / hints.gpus_per_node)};
  }
  return {worked_out_ranks, 1};
}

Measurements read_measurements(std::string_view text, const std::string& file,
                               const LogHints& hints) {
  Measurements out;
  std::string format;
  if (looks_like_measurement_csv(text)) {
    out = read_csv(text, file);
    format = "measurement CSV";
  } else if (looks_like_nccl_tests_json(text)) {
    out = read_nccl_tests_json(text, file, hints);
    format = "nccl-tests JSON";
  } else if (looks_like_nccl_tests_text(text)) {
    out = read_nccl_tests_text(text, file, hints);
    format = "nccl-tests text";
  } else if (text.empty()) {
    out.diagnostics.error({file, 1, 1}, "the file is empty");
  } else {
    out.diagnostics.error({file, 1, 1},
                          "neither a measurement CSV (first column `kind`), a table of served "
                          "requests or points, nor "
                          "nccl-tests text or JSON");
  }
  const auto name = std::filesystem::path(file).filename().string();
  out.files.push_back({name, base::sha256(text), format});
  return out;
}

Measurements read_measurement_file(const std::filesystem::path& path, const LogHints& hints) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path))
    throw base::EnvironmentError("cannot read " + path.string());
  std::ostringstream content;
  content << in.rdbuf();
  return read_measurements(content.str(), path.string(), hints);
}

}  // namespace windtunnel::calibration
