#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "calibration/kernels/kernel_profile_file.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

constexpr int kVersion = 1;
constexpr std::string_view kMagic = "WTGRID01";
constexpr std::size_t kAlignment = 8;

static_assert(std::endian::native == std::endian::little,
              "grids are written as they lie in memory");

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

template <class Value>
void put(std::string& out, const std::vector<Value>& values) {
  const std::size_t at = out.size();
  out.resize(at + values.size() * sizeof(Value));
  if (!values.empty()) std::memcpy(out.data() + at, values.data(), values.size() * sizeof(Value));
}

// Appends a grid to the binary; its line of the head.
std::string put_grid(std::string& binary, const ResidualGrid& grid) {
  const std::size_t at = binary.size();
  std::size_t product = 1;
  std::string axes;
  for (const GridAxis& axis : grid.axes) {
    axes +=
        fmt::format("{}[{}, {}]", axes.empty() ? "" : ", ", quoted(axis.name), axis.knots.size());
    product *= axis.knots.size();
    put(binary, axis.knots);
  }
  base::expects(product == grid.values.size(), "a grid has a value for each of its knots");
  put(binary, grid.values);
  binary.resize((binary.size() + kAlignment - 1) / kAlignment * kAlignment);
  return fmt::format("      - {{at: {}, axes: [{}]}}\n", at, axes);
}

void write_held_out(std::string& out, const std::vector<HeldOutError>& errors) {
  if (errors.empty()) return;
  out += "    held_out:\n";
  for (const HeldOutError& e : errors)
    out += fmt::format(
        "      - {{split: {}, rows: {}, median: {:.5f}, p90: {:.5f}, mean: {:.5f}, bias: {:.5f}, "
        "inside_band: {:.4f}, band_width_median: {:.4f}}}\n",
        quoted(e.split), e.rows, e.median, e.p90, e.mean, e.bias, e.inside_band,
        e.band_width_median);
}

void write_component(std::string& out, std::string& binary, const Component& component) {
  out += fmt::format("  - kind: {}\n    format: {}\n    kernel: {}\n    rows_used: {}\n",
                     component.kind, quoted(component.format), quoted(component.kernel),
                     component.rows_used);
  if (!component.parameters.empty()) out += "    parameters:\n";
  for (const FittedParameter& p : component.parameters)
    out += fmt::format("      {}: [{:.9g}, {:.3g}, {}]\n", quoted(p.name), p.value,
                       p.standard_error, quoted(p.unit));
  if (!component.ranges.empty()) out += "    ranges:\n";
  for (const auto& [name, range] : component.ranges)
    out += fmt::format("      {}: [{:.9g}, {:.9g}]\n", quoted(name), range.first, range.second);
  write_held_out(out, component.held_out);
  if (!component.grids.empty()) out += "    grids:\n";
  for (const ResidualGrid& grid : component.grids) out += put_grid(binary, grid);
}

std::string header(const KernelProfile& profile) {
  std::string out =
      "# Fitted by windtunnel calibrate; the models: calibration/kernels and models/kernels.\n"
      "# parameters: name: [value, standard error, unit]; grids lie in the binary file beside.\n";
  out += fmt::format("schema: windtunnel.kernel_profile/{}\nname: {}\ngpu: {}\nstack: {}\n",
                     kVersion, quoted(profile.name), quoted(profile.gpu), quoted(profile.stack));
  out += fmt::format("date: {}\ntool_version: {}\nsource: {}\nfiles:\n", quoted(profile.date),
                     quoted(profile.tool_version), quoted(profile.source));
  for (const MeasurementFile& file : profile.files)
    out += fmt::format("  - {{name: {}, format: {}, sha256: {}}}\n", quoted(file.name),
                       quoted(file.format), file.sha256);
  if (profile.files.empty()) out += "  []\n";
  return out;
}

}  // namespace

ProfileTexts profile_texts(const KernelProfile& profile, const std::string& grid_file) {
  ProfileTexts texts;
  texts.grid = kMagic;
  std::string components = "components:\n";
  for (const Component& component : profile.components)
    write_component(components, texts.grid, component);
  if (profile.components.empty()) components += "  []\n";
  texts.head = header(profile) +
               fmt::format("grid: {{file: {}, bytes: {}, sha256: {}}}\n", quoted(grid_file),
                           texts.grid.size(), base::sha256(texts.grid)) +
               components;
  texts.head += fmt::format("end: {{components: {}, sha256: {}}}\n", profile.components.size(),
                            base::sha256(texts.head));
  return texts;
}

std::string kernel_profile_name(const std::string& gpu, const std::string& stack) {
  std::string name = gpu;
  if (!stack.empty()) name += "-" + stack;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '/' || c == '+'; }, '-');
  return name;
}

}  // namespace windtunnel::calibration
