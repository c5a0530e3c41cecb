#include "calibration/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "calibration/fabric_model.hpp"

namespace windtunnel::calibration {
namespace {

using CurveKey = std::tuple<collectives::Op, int, int, std::string, std::string, std::string,
                            std::string, std::string>;
using Curves = std::map<CurveKey, std::vector<const CollectiveMeasurement*>>;

CurveKey curve_of(const CollectiveMeasurement& row) {
  return {row.op,     row.nodes,  row.gpus_per_node, row.interconnect,
          row.launch, row.tuning, row.stack,         std::string(to_text(row.algorithm))};
}

void split_by_size(const Curves& curves, SplitRows& out) {
  std::size_t index = 0;
  for (const auto& [key, curve] : curves) {
    for (const auto* row : curve) (index++ % 4 == 2 ? out.held_out : out.fitted).push_back(*row);
  }
}

Measurements gather(std::vector<Measurements> files, const CalibrateOptions& options) {
  Measurements all;
  for (Measurements& file : files) all.append(std::move(file));
  fill_blanks(all.collectives, options);
  apply_filters(all, options.filters);
  std::erase_if(all.collectives, [&](const CollectiveMeasurement& row) {
    if (row.ranks() >= 2 && row.bytes.value() > 0.0) return false;
    all.skipped.push_back({row.origin, "one rank or no bytes"});
    return true;
  });
  for (const GenericRow& row : all.other)
    all.skipped.push_back({row.origin, "kind '" + row.kind + "' is not fitted here"});
  return all;
}

// What a user can do about a reason, where there is something.
std::string remedy(const std::string& reason) {
  if (reason.ends_with("say which collective it measured")) return " (pass --op)";
  if (reason.ends_with("say how many ranks there were"))
    return " (pass --nodes and --gpus-per-node)";
  return "";
}

// Why each file gave nothing: its rows left out, by reason, most frequent first, and the filter that
// let none of the others pass.
std::string why_nothing_is_left(const Measurements& rows) {
  constexpr std::size_t kMost = 6;
  std::map<std::pair<std::string, std::string>, int> reasons;  // by file and reason
  for (const SkippedRow& row : rows.skipped) ++reasons[{row.origin.file, row.reason}];
  std::vector<std::pair<int, std::string>> lines;
  for (const auto& [key, count] : reasons)
    lines.emplace_back(count,
                       fmt::format("{}: {} {}: {}{}", key.first, count, count == 1 ? "row" : "rows",
                                   key.second, remedy(key.second)));
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> texts = rows.emptied;
  for (const auto& [count, text] : lines) texts.push_back(text);
  if (texts.empty()) return "no collective row is left to fit: the files hold none";
  const std::size_t more = texts.size() > kMost ? texts.size() - kMost : 0;
  texts.resize(texts.size() - more);
  if (more > 0) texts.push_back(fmt::format("{} more reasons", more));
  return fmt::format("no collective row is left to fit\n  {}", fmt::join(texts, "\n  "));
}

// Wrong units show as rates that no link has: busbw of twice the known rate (in-switch reduction
// saves at most half the traffic). One warning a file, at its first such row. Rates that link_facts
// only guessed judge nobody.
void warn_of_impossible_rates(const Measurements& rows, base::Diagnostics& diagnostics) {
  std::map<std::string, std::pair<int, std::string>> first_of;  // by file: line, sentence
  std::map<std::string, int> count;
  for (const CollectiveMeasurement& row : rows.collectives) {
    const LinkFacts links = case_of(row).links;
    if (links.guessed || row.gpu.empty()) continue;
    const double known = row.gpus_per_node < 2 ? links.node_rate
                         : row.nodes > 1       ? std::min(links.node_rate, links.intra_ring)
                                               : links.intra_ring;
    const double busbw =
        collectives::bus_bandwidth(row.op, row.ranks(), row.bytes, row.time).value();
    if (busbw <= 2.0 * known) continue;
    if (count[row.origin.file]++ == 0)
      first_of[row.origin.file] = {
          row.origin.line, fmt::format("implies {:.0f} GB/s on links of {:.0f} GB/s: is the "
                                       "unit of time or size right?",
                                       busbw / 1e9, known / 1e9)};
  }
  for (const auto& [file, first] : first_of) {
    const int others = count[file] - 1;
    diagnostics.warning(
        {file, first.first, 0},
        first.second + (others > 0 ? fmt::format(" ({} more such rows)", others) : std::string()));
  }
}

void describe(FabricProfile& profile, const CalibrateOptions& options, const Measurements& rows,
              const Validation& held_out) {
  profile.name = !options.name.empty()     ? options.name
                 : !options.fabric.empty() ? options.fabric
                                           : options.gpu;
  profile.stack = options.stack;
  Provenance& p = profile.provenance;
  p.files = rows.files;
  p.rows_used = static_cast<int>(rows.collectives.size());
  p.rows_skipped = static_cast<int>(rows.skipped.size());
  p.rows_held_out = static_cast<int>(held_out.rows.size());
  p.held_out_what =
      "every fourth curve of a fabric with four or more, else every fourth size; refitted on all";
  p.date = options.date;
  p.tool_version = options.tool_version;
  const auto facts = held_out.facts();
  const auto fact = [&](const char* name) { return facts.contains(name) ? facts.at(name) : 0.0; };
  p.held_out_median_abs_error = fact("median_abs_error");
  p.held_out_p90_abs_error = fact("p90_abs_error");
  p.held_out_inside_band = fact("inside_band");
}

}  // namespace

void fill_blanks(std::vector<CollectiveMeasurement>& rows, const CalibrateOptions& options) {
  const auto fill = [](std::string& field, const std::string& value) {
    if (field.empty()) field = value;
  };
  for (CollectiveMeasurement& row : rows) {
    fill(row.fabric, options.fabric);
    fill(row.gpu, options.gpu);
    fill(row.interconnect, options.interconnect);
    fill(row.stack, options.stack);
    fill(row.launch, options.launch);
  }
}

SplitRows split_for_hold_out(const std::vector<CollectiveMeasurement>& rows) {
  std::map<std::string, Curves> fabrics;
  for (const auto& row : rows) fabrics[fabric_key(row)][curve_of(row)].push_back(&row);
  SplitRows out;
  for (const auto& [fabric, curves] : fabrics) {
    if (curves.size() < 4) {
      split_by_size(curves, out);
      continue;
    }
    std::size_t index = 0;
    for (const auto& [key, curve] : curves) {
      auto& part = index++ % 4 == 2 ? out.held_out : out.fitted;
      for (const auto* row : curve) part.push_back(*row);
    }
  }
  return out;
}

Calibration calibrate(std::vector<Measurements> files, const CalibrateOptions& options) {
  Calibration out;
  Measurements rows = gather(std::move(files), options);
  out.diagnostics = rows.diagnostics;
  if (rows.collectives.empty()) {
    out.diagnostics.error({}, why_nothing_is_left(rows));
    return out;
  }
  warn_of_impossible_rates(rows, out.diagnostics);
  FitOptions fit_options;
  std::set<std::string> fabrics;
  for (const auto& row : rows.collectives) fabrics.insert(fabric_key(row));
  constexpr std::size_t kEnoughFabrics = 8;
  if (fabrics.size() < kEnoughFabrics) fit_options.shared = shipped_profile().shared;

  SplitRows split = split_for_hold_out(rows.collectives);
  Measurements held;
  held.collectives = std::move(split.held_out);
  if (!split.fitted.empty())
    out.held_out = validate(FabricModel(fit_profile(split.fitted, fit_options)), held);
  out.held_out.skipped.insert(out.held_out.skipped.end(), rows.skipped.begin(), rows.skipped.end());

  FabricProfile profile = fit_profile(rows.collectives, fit_options);
  describe(profile, options, rows, out.held_out);
  out.profile = std::move(profile);
  return out;
}

}  // namespace windtunnel::calibration
