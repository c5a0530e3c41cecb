#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>

#include "calibration/kernels/kernel_profile_file.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

constexpr std::string_view kSchema = "\nschema: windtunnel.kernel_profile/";
constexpr std::string_view kVersion = "1\n";
constexpr std::string_view kMagic = "WTGRID01";

// Takes the head apart; every node is looked at where it stands, so an error has a place.
class HeadReader {
 public:
  HeadReader(const std::string& file, std::string_view grid, base::Diagnostics& diagnostics)
      : file_(file), grid_(grid), diagnostics_(diagnostics) {}

  KernelProfile read(const YAML::Node& root) {
    KernelProfile profile;
    profile.name = text(root["name"]);
    profile.gpu = text(root["gpu"]);
    profile.stack = text(root["stack"]);
    profile.date = text(root["date"]);
    profile.tool_version = text(root["tool_version"]);
    profile.source = text(root["source"]);
    for (const YAML::Node& one : root["files"])
      profile.files.push_back({text(one["name"]), text(one["sha256"]), text(one["format"])});
    check_grid(root["grid"]);
    if (diagnostics_.has_errors()) return profile;
    for (const YAML::Node& one : root["components"])
      profile.components.push_back(read_component(one));
    return profile;
  }

 private:
  void error(const YAML::Node& node, std::string message) {
    const YAML::Mark mark = node.Mark();
    diagnostics_.error({file_, mark.line + 1, mark.column + 1}, std::move(message));
  }

  static std::string text(const YAML::Node& node) {
    return node && node.IsScalar() ? node.Scalar() : std::string();
  }

  double number(const YAML::Node& node) {
    double value = 0.0;
    const std::string& digits = node.Scalar();
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failed != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value))
      error(node, "a number is due here");
    return value;
  }

  void check_grid(const YAML::Node& node) {
    const std::string name = text(node["file"]);
    if (grid_.size() != static_cast<std::size_t>(number(node["bytes"])))
      error(node, fmt::format("{} has {} bytes, not {}: it was cut off or is of another fit", name,
                              grid_.size(), text(node["bytes"])));
    else if (base::sha256(grid_) != text(node["sha256"]) || !grid_.starts_with(kMagic))
      error(node, fmt::format("{} is not the file that was written with this head (its checksum "
                              "differs): copy both again or fit anew",
                              name));
  }

  Component read_component(const YAML::Node& node) {
    Component out;
    out.kind = text(node["kind"]);
    out.format = text(node["format"]);
    out.kernel = text(node["kernel"]);
    out.rows_used = static_cast<std::int64_t>(number(node["rows_used"]));
    for (const auto& entry : node["parameters"])
      out.parameters.push_back({entry.first.Scalar(), number(entry.second[0]),
                                number(entry.second[1]), text(entry.second[2])});
    for (const auto& entry : node["ranges"])
      out.ranges.push_back(
          {entry.first.Scalar(), {number(entry.second[0]), number(entry.second[1])}});
    for (const YAML::Node& one : node["held_out"])
      out.held_out.push_back({text(one["split"]), static_cast<std::int64_t>(number(one["rows"])),
                              number(one["median"]), number(one["p90"]), number(one["mean"]),
                              number(one["bias"]), number(one["inside_band"]),
                              number(one["band_width_median"])});
    for (const YAML::Node& one : node["grids"]) out.grids.push_back(read_grid(one));
    return out;
  }

  template <class Value>
  bool take(const YAML::Node& node, std::size_t& at, std::vector<Value>& values) {
    const std::size_t bytes = values.size() * sizeof(Value);
    if (at > grid_.size() || grid_.size() - at < bytes) {
      error(node, "this grid reaches beyond the end of the binary file");
      return false;
    }
    if (bytes > 0) std::memcpy(values.data(), grid_.data() + at, bytes);
    at += bytes;
    return true;
  }

  ResidualGrid read_grid(const YAML::Node& node) {
    ResidualGrid grid;
    auto at = static_cast<std::size_t>(number(node["at"]));
    std::size_t product = 1;
    for (const YAML::Node& one : node["axes"]) {
      const double knots = number(one[1]);
      if (knots < 1 || knots > 4096) {
        error(one, "an axis has 1 to 4096 knots");
        return {};
      }
      GridAxis axis{text(one[0]), std::vector<double>(static_cast<std::size_t>(knots))};
      if (!take(one, at, axis.knots)) return {};
      if (std::adjacent_find(axis.knots.begin(), axis.knots.end(),
                             [](double a, double b) { return !(a < b); }) != axis.knots.end())
        error(one, "the knots of this axis do not rise");
      product *= axis.knots.size();
      grid.axes.push_back(std::move(axis));
      if (product > grid_.size()) {
        error(one, "this grid is larger than the binary file");
        return {};
      }
    }
    grid.values.resize(product);
    if (!take(node, at, grid.values)) return {};
    return grid;
  }

  const std::string& file_;
  std::string_view grid_;
  base::Diagnostics& diagnostics_;
};

base::SourceLocation end_of(std::string_view text, const std::string& file) {
  return {file, static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1, 1};
}

// As a fabric profile: the last line holds the checksum of all text before it.
bool is_whole(std::string_view head, const std::string& file, base::Diagnostics& diagnostics) {
  static const std::regex kEnd(R"(end: \{components: (\d{1,9}), sha256: ([0-9a-f]{64})\}\n)");
  const std::size_t at = head.rfind("\nend: ");
  const std::size_t body = at == std::string_view::npos ? head.size() : at + 1;
  std::smatch match;
  const std::string last(head.substr(body));
  if (!std::regex_match(last, match, kEnd)) {
    diagnostics.error(end_of(head, file),
                      "this profile breaks off: its last line, `end:` with the checksum, is "
                      "missing or cut short; copy it again or fit it anew");
    return false;
  }
  if (base::sha256(head.substr(0, body)) != match[2].str()) {
    diagnostics.error(end_of(head.substr(0, body), file),
                      "this profile was changed after it was written (its checksum differs): copy "
                      "it again or fit it anew");
    return false;
  }
  return true;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path))
    throw base::EnvironmentError("cannot read " + path.string());
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

}  // namespace

bool is_kernel_profile(std::string_view head) {
  return head.find(kSchema) != std::string_view::npos || head.starts_with(kSchema.substr(1));
}

std::string grid_file_of(std::string_view head) {
  constexpr std::string_view kGrid = "\ngrid: {file: \"";
  const std::size_t at = head.find(kGrid);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = head.substr(at + kGrid.size());
  return std::string(rest.substr(0, rest.find('"')));
}

std::optional<KernelProfile> kernel_profile_from(std::string_view head, std::string_view grid,
                                                 const std::string& file,
                                                 base::Diagnostics& diagnostics) {
  const std::size_t at = head.find(kSchema);
  if (at == std::string_view::npos) {
    diagnostics.error({file, 1, 1},
                      "this is no kernel profile: no line says `schema: "
                      "windtunnel.kernel_profile/1`");
    return std::nullopt;
  }
  if (!head.substr(at + kSchema.size()).starts_with(kVersion)) {
    diagnostics.error({file, 1, 1},
                      "this kernel profile is of another version than this program reads (1): fit "
                      "it anew");
    return std::nullopt;
  }
  if (!is_whole(head, file, diagnostics)) return std::nullopt;
  try {
    KernelProfile profile = HeadReader(file, grid, diagnostics).read(YAML::Load(std::string(head)));
    if (diagnostics.has_errors()) return std::nullopt;
    return profile;
  } catch (const YAML::Exception& problem) {
    diagnostics.error({file, problem.mark.line + 1, problem.mark.column + 1},
                      "a kernel profile does not have this here: fit it anew");
    return std::nullopt;
  }
}

KernelProfile load_kernel_profile(const std::filesystem::path& head) {
  const std::string text = content_of(head);
  base::Diagnostics diagnostics;
  std::string grid;
  const std::string grid_file = grid_file_of(text);
  if (!grid_file.empty()) {
    const std::filesystem::path beside =
        head.parent_path() / std::filesystem::path(grid_file).filename();
    if (!std::filesystem::exists(beside))
      throw base::EnvironmentError(
          fmt::format("cannot read {}: the grids of the profile {} are due there", beside.string(),
                      head.string()));
    grid = content_of(beside);
  }
  auto profile = kernel_profile_from(text, grid, head.string(), diagnostics);
  if (!profile) throw base::InputError(diagnostics);
  return std::move(*profile);
}

}  // namespace windtunnel::calibration
