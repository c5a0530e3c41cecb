#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "calibration/fabric_profile.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

constexpr int kVersion = 2;

std::string_view name_of(int index) {
  return param_table()[static_cast<std::size_t>(index)].name;
}

class ProfileReader {
 public:
  ProfileReader(const std::string& file, base::Diagnostics& diagnostics)
      : file_(file), diagnostics_(diagnostics) {}

  FabricProfile read(const YAML::Node& root) {
    FabricProfile profile;
    if (!root.IsMap() ||
        text(root["schema"]) != fmt::format("windtunnel.fabric_profile/{}", kVersion)) {
      error(root, fmt::format("this is no fabric profile: schema is not "
                              "windtunnel.fabric_profile/{}",
                              kVersion));
      return profile;
    }
    profile.name = text(root["name"]);
    profile.stack = text(root["stack"]);
    read_provenance(root["provenance"], profile.provenance);
    read_shifts(root["shared"]["generation"], profile.shared.generation);
    read_shifts(root["shared"]["transport"], profile.shared.transport);
    for (const YAML::Node& node : root["fabrics"]) profile.fabrics.push_back(read_fabric(node));
    if (number(root["end"]["fabrics"]) != static_cast<double>(profile.fabrics.size()))
      error(root["end"], "the number of fabrics is not that of those above");
    return profile;
  }

 private:
  void error(const YAML::Node& at, const std::string& message) {
    diagnostics_.error({file_, at.Mark().line + 1, at.Mark().column + 1}, message);
  }

  static std::string text(const YAML::Node& node) {
    return node && node.IsScalar() ? node.Scalar() : "";
  }

  double number(const YAML::Node& node) {
    double value = 0.0;
    if (!node || !node.IsScalar() || !YAML::convert<double>::decode(node, value) ||
        !std::isfinite(value)) {
      if (node)
        error(node, "a number is due here");
      else
        diagnostics_.error({file_, 0, 0}, "a number is missing in this profile");
      return 0.0;
    }
    return value;
  }

  void read_provenance(const YAML::Node& node, Provenance& out) {
    if (!node) return;
    for (const YAML::Node& file : node["files"])
      out.files.push_back({text(file["name"]), text(file["sha256"]), text(file["format"])});
    out.rows_used = static_cast<int>(number(node["rows_used"]));
    out.rows_held_out = static_cast<int>(number(node["rows_held_out"]));
    out.rows_skipped = static_cast<int>(number(node["rows_skipped"]));
    out.held_out_what = text(node["held_out"]);
    out.held_out_median_abs_error = number(node["held_out_median_abs_error"]);
    out.held_out_p90_abs_error = number(node["held_out_p90_abs_error"]);
    out.held_out_inside_band = number(node["held_out_inside_band"]);
    out.date = text(node["date"]);
    out.tool_version = text(node["tool_version"]);
  }

  void read_shifts(const YAML::Node& node, std::map<std::string, Shift>& out) {
    for (const auto& entry : node) {
      const YAML::Node& s = entry.second;
      out[text(entry.first)] = {number(s["host"]), number(s["latency"]), number(s["rate"]),
                                number(s["low"]), static_cast<int>(number(s["fabrics"]))};
    }
  }

  int param(const YAML::Node& node) {
    for (int i = 0; i < kParams; ++i) {
      if (name_of(i) == node.Scalar()) return i;
    }
    std::vector<std::string> names;
    for (int i = 0; i < kParams; ++i) names.emplace_back(name_of(i));
    error(node,
          "unknown parameter '" + node.Scalar() + "'" + base::did_you_mean(node.Scalar(), names));
    return -1;
  }

  ParamVector changed(const YAML::Node& node, ParamVector params) {
    for (const auto& entry : node) {
      const int i = param(entry.first);
      if (i >= 0) params[i] += number(entry.second);
    }
    return params;
  }

  collectives::Op op(const YAML::Node& node) {
    const auto known = collectives::op_from_text(node.Scalar());
    if (!known) error(node, "unknown op '" + node.Scalar() + "'");
    return known.value_or(collectives::Op::all_reduce);
  }

  Seen read_seen(const YAML::Node& node) {
    Seen seen;
    for (const auto& entry : node) {
      SeenOp& range = seen[op(entry.first)];
      const YAML::Node& value = entry.second;
      if (!value["bytes"] || value["bytes"].size() != 2) {
        error(value, "bytes: [least, most] is due here");
        continue;
      }
      range.least_bytes = number(value["bytes"][0]);
      range.most_bytes = number(value["bytes"][1]);
      for (const YAML::Node& n : value["nodes"]) range.nodes.insert(static_cast<int>(number(n)));
      for (const YAML::Node& n : value["gpus_per_node"])
        range.gpus_per_node.insert(static_cast<int>(number(n)));
      range.rows = static_cast<int>(number(value["rows"]));
      if (range.nodes.empty() || range.gpus_per_node.empty())
        error(value, "nodes or gpus_per_node is empty");
    }
    if (seen.empty()) error(node, "no op is listed as seen");
    return seen;
  }

  Setting read_setting(const YAML::Node& node, const ParamVector& fabric) {
    Setting setting;
    setting.interconnect = text(node["interconnect"]);
    setting.launch = text(node["launch"]);
    setting.tuning = text(node["tuning"]);
    setting.stack = text(node["stack"]);
    setting.rows = static_cast<int>(number(node["rows"]));
    setting.seen = read_seen(node["seen"]);
    setting.params = changed(node["change"], fabric);
    for (const auto& entry : node["by_op"])
      setting.by_op[op(entry.first)] = changed(entry.second, setting.params);
    return setting;
  }

  ResidualCurve read_curve(const YAML::Node& node) {
    ResidualCurve curve;
    curve.op = op(node["op"]);
    const auto algorithm = collectives::algorithm_from_text(text(node["algorithm"]));
    const auto protocol = collectives::protocol_from_text(text(node["protocol"]));
    if (!algorithm || !protocol) error(node, "unknown algorithm or protocol");
    curve.algorithm = algorithm.value_or(collectives::Algorithm::automatic);
    curve.protocol = protocol.value_or(collectives::Protocol::automatic);
    curve.nodes = static_cast<int>(number(node["nodes"]));
    curve.gpus_per_node = static_cast<int>(number(node["gpus_per_node"]));
    if (curve.nodes < 1 || curve.gpus_per_node < 1) error(node, "a count is above 0");
    curve.first_octave = static_cast<int>(number(node["first_octave"]));
    const YAML::Node means = node["mean"], deviations = node["deviation"];
    if (!means || !deviations || means.size() == 0 || means.size() != deviations.size()) {
      error(node, "mean and deviation are lists of one length");
      return curve;
    }
    for (std::size_t i = 0; i < means.size(); ++i)
      curve.knots.push_back({number(means[i]), number(deviations[i])});
    return curve;
  }

  Residuals read_residuals(const YAML::Node& node) {
    Residuals residuals;
    residuals.amplitude = number(node["amplitude"]);
    for (std::size_t r = 0; r < residuals.noise.size(); ++r) {
      residuals.noise[r] = number(node["noise"][r]);
      residuals.scale[r] = number(node["scale"][r]);
    }
    for (const YAML::Node& curve : node["curves"]) residuals.curves.push_back(read_curve(curve));
    return residuals;
  }

  Fabric read_fabric(const YAML::Node& node) {
    Fabric fabric;
    fabric.gpu = text(node["gpu"]);
    fabric.name = text(node["fabric"]);
    fabric.generation = text(node["generation"]);
    for (int t = 0; t <= static_cast<int>(Transport::nvlink); ++t) {
      if (to_text(static_cast<Transport>(t)) == text(node["transport"]))
        fabric.transport = static_cast<Transport>(t);
    }
    fabric.rows = static_cast<int>(number(node["rows"]));
    fabric.median_abs_error = number(node["fitted_median_abs_error"]);
    fabric.seen = read_seen(node["seen"]);
    fabric.params = initial_params();
    fabric.standard_error = prior_spread();
    for (const auto& entry : node["parameters"]) {
      const int i = param(entry.first);
      const double value = number(entry.second[0]);
      if (i >= 0 && value > 0.0)
        fabric.params[i] = std::log(value);
      else if (i >= 0)
        error(entry.second, "a parameter is above 0");
      if (i >= 0) fabric.standard_error[i] = number(entry.second[1]);
    }
    fabric.residuals = read_residuals(node["residuals"]);
    for (const YAML::Node& setting : node["settings"])
      fabric.settings.push_back(read_setting(setting, fabric.params));
    if (fabric.settings.empty()) error(node, "this fabric has no settings");
    return fabric;
  }

  const std::string& file_;
  base::Diagnostics& diagnostics_;
};

base::SourceLocation place_of(const std::string& text, std::size_t offset,
                              const std::string& file) {
  const std::string_view before = std::string_view(text).substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {file, static_cast<int>(line), static_cast<int>(offset - start) + 1};
}

// The last line, `end: {fabrics: N, sha256: ...}`, holds the checksum of all text before it: a file
// cut off anywhere has none, one edited by hand or damaged another.
bool is_whole(const std::string& text, const std::string& file, base::Diagnostics& diagnostics) {
  static const std::regex kEnd(R"(end: \{fabrics: (\d{1,9}), sha256: ([0-9a-f]{64})\}\n)");
  const std::size_t at = text.rfind("\nend: ");
  const std::size_t body = at == std::string::npos ? text.size() : at + 1;
  std::smatch match;
  const std::string last = text.substr(body);
  if (!std::regex_match(last, match, kEnd)) {
    diagnostics.error(place_of(text, text.size(), file),
                      "this profile breaks off: its last line, `end:` with the "
                      "checksum, is missing "
                      "or cut short; copy it again or fit it anew");
    return false;
  }
  if (base::sha256(std::string_view(text).substr(0, body)) != match[2].str()) {
    diagnostics.error(place_of(text, body, file),
                      "this profile was changed after it was written (its "
                      "checksum differs): copy "
                      "it again or fit it anew");
    return false;
  }
  return true;
}

bool is_profile(const std::string& text) {
  return text.find(fmt::format("\nschema: windtunnel.fabric_profile/{}\n", kVersion)) !=
         std::string::npos;
}

}  // namespace

std::optional<FabricProfile> profile_from_yaml(const std::string& text, const std::string& file,
                                               base::Diagnostics& diagnostics) {
  if (!is_profile(text)) {
    diagnostics.error({file, 1, 1}, fmt::format("this is no fabric profile: no line says `schema: "
                                                "windtunnel.fabric_profile/{}`",
                                                kVersion));
    return std::nullopt;
  }
  if (!is_whole(text, file, diagnostics)) return std::nullopt;
  try {
    const YAML::Node root = YAML::Load(text);
    FabricProfile profile = ProfileReader(file, diagnostics).read(root);
    if (diagnostics.has_errors()) return std::nullopt;
    return profile;
  } catch (const YAML::Exception& problem) {
    diagnostics.error({file, problem.mark.line + 1, problem.mark.column + 1},
                      "a fabric profile does not have this here: fit it anew");
    return std::nullopt;
  }
}

}  // namespace windtunnel::calibration
