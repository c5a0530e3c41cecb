#include <fmt/format.h>

#include <cmath>

#include "calibration/fabric_profile.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

constexpr int kVersion = 2;
// Differences of logarithms below this are left out of the file: 0.1 % of a parameter.
constexpr double kNegligible = 1e-3;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

std::string_view name_of(int index) {
  return param_table()[static_cast<std::size_t>(index)].name;
}

// {name: difference, ...} against the parent.
std::string differences(const ParamVector& params, const ParamVector& parent) {
  std::vector<std::string> parts;
  for (int i = 0; i < kParams; ++i) {
    const double d = params[i] - parent[i];
    if (std::abs(d) >= kNegligible) parts.push_back(fmt::format("{}: {:.3f}", name_of(i), d));
  }
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

// {name: [value, relative standard error], ...}, in units of the head.
std::string values(const Fabric& fabric) {
  std::vector<std::string> parts;
  for (int i = 0; i < kParams; ++i)
    parts.push_back(fmt::format("{}: [{:.4g}, {:.2g}]", name_of(i), std::exp(fabric.params[i]),
                                fabric.standard_error[i]));
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

std::string seen_text(const Seen& seen) {
  std::vector<std::string> parts;
  for (const auto& [op, range] : seen)
    parts.push_back(
        fmt::format("{}: {{bytes: [{:.0f}, {:.0f}], nodes: [{}], "
                    "gpus_per_node: [{}], rows: {}}}",
                    to_text(op), range.least_bytes, range.most_bytes, fmt::join(range.nodes, ", "),
                    fmt::join(range.gpus_per_node, ", "), range.rows));
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

void write_shared(std::string& out, const SharedShifts& shared) {
  out +=
      "shared:  # shifts of logarithms against the initial values, by GPU "
      "generation and by "
      "transport\n";
  out += "  generation:\n";
  for (const auto& [name, s] : shared.generation)
    out += fmt::format(
        "    {}: {{host: {:.3f}, latency: {:.3f}, rate: {:.3f}, "
        "low: {:.3f}, fabrics: {}}}\n",
        name, s.host, s.latency, s.rate, s.low, s.fabrics);
  out += "  transport:\n";
  for (const auto& [name, s] : shared.transport)
    out += fmt::format(
        "    {}: {{host: {:.3f}, latency: {:.3f}, rate: {:.3f}, "
        "low: {:.3f}, fabrics: {}}}\n",
        name, s.host, s.latency, s.rate, s.low, s.fabrics);
}

// The vector that a reader will rebuild: the written digits, not the doubles behind them.
ParamVector rounded(const ParamVector& params, const ParamVector& parent) {
  ParamVector out = parent;
  for (int i = 0; i < kParams; ++i) {
    const double d = params[i] - parent[i];
    if (std::abs(d) >= kNegligible) out[i] += std::round(d * 1000.0) / 1000.0;
  }
  return out;
}

void write_setting(std::string& out, const Setting& setting, const ParamVector& fabric) {
  out += fmt::format(
      "      - interconnect: {}\n        launch: {}\n        "
      "tuning: {}\n        stack: {}\n",
      quoted(setting.interconnect), quoted(setting.launch), quoted(setting.tuning),
      quoted(setting.stack));
  out += fmt::format("        rows: {}\n", setting.rows);
  out += "        seen: " + seen_text(setting.seen) + "\n";
  out += "        change: " + differences(setting.params, fabric) + "\n";
  const ParamVector base = rounded(setting.params, fabric);
  if (!setting.by_op.empty()) out += "        by_op:\n";
  for (const auto& [op, params] : setting.by_op)
    out += fmt::format("          {}: {}\n", to_text(op), differences(params, base));
}

// What a curve is of: op, nodes x GPUs, and what was forced.
std::string curve_name(const ResidualCurve& curve) {
  return fmt::format("op: {}, nodes: {}, gpus_per_node: {}, algorithm: {}, protocol: {}",
                     to_text(curve.op), curve.nodes, curve.gpus_per_node, to_text(curve.algorithm),
                     to_text(curve.protocol));
}

void write_residuals(std::string& out, const Residuals& residuals) {
  out += fmt::format("    residuals:\n      amplitude: {:.3f}\n      noise: [{:.4f}]\n",
                     residuals.amplitude, fmt::join(residuals.noise, ", "));
  out += fmt::format("      scale: [{:.3f}]\n      curves:\n", fmt::join(residuals.scale, ", "));
  for (const ResidualCurve& curve : residuals.curves) {
    std::vector<std::string> means, deviations;
    for (const ResidualKnot& knot : curve.knots) {
      means.push_back(fmt::format("{:.3f}", knot.mean));
      deviations.push_back(fmt::format("{:.3f}", knot.deviation));
    }
    out += fmt::format("        - {{{}, first_octave: {}, mean: [{}], deviation: [{}]}}\n",
                       curve_name(curve), curve.first_octave, fmt::join(means, ", "),
                       fmt::join(deviations, ", "));
  }
}

void write_fabric(std::string& out, const Fabric& fabric) {
  out += fmt::format("  - gpu: {}\n    fabric: {}\n    transport: {}\n    generation: {}\n",
                     quoted(fabric.gpu), quoted(fabric.name), to_text(fabric.transport),
                     fabric.generation);
  out += fmt::format("    rows: {}\n    fitted_median_abs_error: {:.3f}\n", fabric.rows,
                     fabric.median_abs_error);
  out += "    seen: " + seen_text(fabric.seen) + "\n";
  out += "    parameters: " + values(fabric) + "\n";
  ParamVector written;
  for (int i = 0; i < kParams; ++i)
    written[i] = std::log(std::stod(fmt::format("{:.4g}", std::exp(fabric.params[i]))));
  write_residuals(out, fabric.residuals);
  out += "    settings:\n";
  for (const Setting& setting : fabric.settings) write_setting(out, setting, written);
}

void write_provenance(std::string& out, const Provenance& p) {
  out += "provenance:\n  files:\n";
  for (const MeasurementFile& file : p.files)
    out += fmt::format("    - {{name: {}, format: {}, sha256: {}}}\n", quoted(file.name),
                       quoted(file.format), file.sha256);
  out += fmt::format("  rows_used: {}\n  rows_held_out: {}\n  rows_skipped: {}\n", p.rows_used,
                     p.rows_held_out, p.rows_skipped);
  out += fmt::format(
      "  held_out: {}\n  held_out_median_abs_error: {:.4f}\n  "
      "held_out_p90_abs_error: {:.4f}\n"
      "  held_out_inside_band: {:.4f}\n  date: {}\n  tool_version: {}\n",
      quoted(p.held_out_what), p.held_out_median_abs_error, p.held_out_p90_abs_error,
      p.held_out_inside_band, quoted(p.date), quoted(p.tool_version));
}

void write_units(std::string& out) {
  out += "units:  # a ratio where none stands here\n";
  for (const ParamInfo& info : param_table()) {
    if (info.unit != "1") out += fmt::format("  {}: {}\n", info.name, info.unit);
  }
}

}  // namespace

std::string to_yaml(const FabricProfile& profile) {
  std::string out =
      "# Fitted by windtunnel calibrate; the model: "
      "calibration/collective_model.hpp.\n"
      "# parameters: name: [value, standard error of its "
      "logarithm]; change, by_op: differences of "
      "logarithms;\n# residuals: corrections of log time at "
      "knots one octave of size apart "
      "(calibration/residual_curve.hpp).\n";
  out += fmt::format("schema: windtunnel.fabric_profile/{}\nname: {}\nstack: {}\n", kVersion,
                     quoted(profile.name), quoted(profile.stack));
  write_units(out);
  write_provenance(out, profile.provenance);
  write_shared(out, profile.shared);
  out += "fabrics:\n";
  for (const Fabric& fabric : profile.fabrics) write_fabric(out, fabric);
  if (profile.fabrics.empty()) out += "  []\n";
  out +=
      fmt::format("end: {{fabrics: {}, sha256: {}}}\n", profile.fabrics.size(), base::sha256(out));
  return out;
}

}  // namespace windtunnel::calibration
