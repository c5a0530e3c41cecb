#include "sim/base/unit_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <span>

namespace windtunnel::base {
namespace {

struct Unit {
  std::string_view text;
  double factor;
};

constexpr double kKi = 1024.0;
constexpr double kBit = 1.0 / 8.0;

// Largest first: exact_text and to_text take the first that fits.
constexpr std::array<Unit, 7> kTime{
    {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}}};
constexpr std::array<Unit, 3> kRate{{{"/s", 1}, {"/min", 1.0 / 60}, {"/h", 1.0 / 3600}}};
constexpr std::array<Unit, 22> kBytes{{{"PiB", kKi* kKi* kKi* kKi* kKi},
                                       {"TiB", kKi* kKi* kKi* kKi},
                                       {"GiB", kKi* kKi* kKi},
                                       {"MiB", kKi* kKi},
                                       {"KiB", kKi},
                                       {"PB", 1e15},
                                       {"TB", 1e12},
                                       {"GB", 1e9},
                                       {"MB", 1e6},
                                       {"kB", 1e3},
                                       {"KB", 1e3},
                                       {"B", 1},
                                       {"Pb", 1e15 * kBit},
                                       {"Tb", 1e12 * kBit},
                                       {"Gb", 1e9 * kBit},
                                       {"Mb", 1e6 * kBit},
                                       {"kb", 1e3 * kBit},
                                       {"Gib", kKi* kKi* kKi* kBit},
                                       {"Mib", kKi* kKi* kBit},
                                       {"Kib", kKi* kBit},
                                       {"Tib", kKi* kKi* kKi* kKi* kBit},
                                       {"b", kBit}}};
constexpr std::array<Unit, 7> kFlops{{{"EFLOP", 1e18},
                                      {"PFLOP", 1e15},
                                      {"TFLOP", 1e12},
                                      {"GFLOP", 1e9},
                                      {"MFLOP", 1e6},
                                      {"kFLOP", 1e3},
                                      {"FLOP", 1}}};
constexpr std::array<Unit, 7> kEnergy{{{"MWh", 3.6e9},
                                       {"kWh", 3.6e6},
                                       {"Wh", 3600},
                                       {"GJ", 1e9},
                                       {"MJ", 1e6},
                                       {"kJ", 1e3},
                                       {"J", 1}}};
constexpr std::array<Unit, 4> kPower{{{"MW", 1e6}, {"kW", 1e3}, {"W", 1}, {"mW", 1e-3}}};
constexpr std::array<Unit, 1> kMoney{{{"", 1}}};
constexpr std::array<Unit, 3> kMoneyRate{{{"/h", 1.0 / 3600}, {"/s", 1}, {"/d", 1.0 / 86400}}};
constexpr std::array<Unit, 3> kMoneyPerEnergy{
    {{"/kWh", 1 / 3.6e6}, {"/MWh", 1 / 3.6e9}, {"/J", 1}}};

struct DimensionText {
  std::string_view name;
  std::string_view examples;
  std::span<const Unit> units;
  std::string_view suffix;  // after the unit, e.g. "/s"
  bool money;
};

const DimensionText& text_of(Dimension dimension) {
  static const std::array<DimensionText, 11> kTexts{{
      {"time", "1.5us or 20ms", kTime, "", false},
      {"rate", "4/s or 30/min", kRate, "", false},
      {"size in bytes", "80GiB or 80GB", kBytes, "", false},
      {"bandwidth", "400Gb/s (bits) or 50GB/s (bytes)", kBytes, "/s", false},
      {"work", "2TFLOP or 500GFLOP", kFlops, "", false},
      {"compute rate", "989TFLOP/s or 2PFLOP/s", kFlops, "/s", false},
      {"energy", "3kWh or 500J", kEnergy, "", false},
      {"power", "700W or 1.2kW", kPower, "", false},
      {"price", "$100 or $2.5", kMoney, "", true},
      {"price per time", "$2.5/h or $60/d", kMoneyRate, "", true},
      {"price per energy", "$0.1/kWh or $80/MWh", kMoneyPerEnergy, "", true},
  }};
  return kTexts[static_cast<std::size_t>(dimension)];
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<double> unit_factor(std::string_view unit, const DimensionText& dimension) {
  if (!dimension.suffix.empty()) {
    if (unit.size() <= dimension.suffix.size() || !unit.ends_with(dimension.suffix))
      return std::nullopt;
    unit.remove_suffix(dimension.suffix.size());
  }
  // FLOP may be written FLOPs or FLOPS; /s tells a rate apart.
  if (dimension.units.data() == kFlops.data() &&
      (unit.ends_with("FLOPs") || unit.ends_with("FLOPS"))) {
    unit.remove_suffix(1);
  }
  for (const Unit& candidate : dimension.units) {
    if (candidate.text == unit) return candidate.factor;
  }
  return std::nullopt;
}

}  // namespace

std::string_view dimension_name(Dimension dimension) {
  return text_of(dimension).name;
}
std::string_view dimension_examples(Dimension dimension) {
  return text_of(dimension).examples;
}

ParsedQuantity parse_quantity(std::string_view text, Dimension dimension) {
  const DimensionText& expected = text_of(dimension);
  std::string_view rest = trimmed(text);
  if (expected.money) {
    if (!rest.starts_with('$')) {
      return UnitError{
          fmt::format("'{}' is no {}: write {}", text, expected.name, expected.examples)};
    }
    rest.remove_prefix(1);
  }
  double number = 0.0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error == std::errc::result_out_of_range) {
    return UnitError{fmt::format("'{}' is too large or too small a number", text)};
  }
  if (error != std::errc{} || !std::isfinite(number)) {
    return UnitError{
        fmt::format("'{}' is no {}: write {}", text, expected.name, expected.examples)};
  }
  const std::string_view unit = trimmed(rest.substr(static_cast<std::size_t>(end - rest.data())));
  if (unit.empty() && !expected.money) {
    return UnitError{fmt::format("'{}' needs a unit: write {}", text, expected.examples)};
  }
  const auto factor = unit_factor(unit, expected);
  if (!factor) {
    return UnitError{
        fmt::format("'{}' is no unit of {}: write {}", unit, expected.name, expected.examples)};
  }
  return number * *factor;
}

std::string exact_text(double si_value, Dimension dimension) {
  const DimensionText& expected = text_of(dimension);
  const std::string_view lead = expected.money ? "$" : "";
  std::string best;
  for (const Unit& unit : expected.units) {
    // Bits, and the second spelling of a thousand bytes, are read but not written.
    if (expected.units.data() == kBytes.data() && (unit.text.ends_with('b') || unit.text == "KB"))
      continue;
    const std::string candidate =
        fmt::format("{}{}{}{}", lead, si_value / unit.factor, unit.text, expected.suffix);
    const auto parsed = parse_quantity(candidate, dimension);
    const double* back = std::get_if<double>(&parsed);
    if (back == nullptr || *back != si_value) continue;
    if (best.empty() || candidate.size() < best.size()) best = candidate;
  }
  if (!best.empty()) return best;
  const std::string_view base_unit =
      expected.units.data() == kBytes.data() ? "B" : expected.units.back().text;
  return fmt::format("{}{:.17g}{}{}", lead, si_value, base_unit, expected.suffix);
}

namespace {

std::string scaled(double value, std::span<const Unit> units, std::string_view suffix) {
  if (value == 0.0 || !std::isfinite(value)) {
    return fmt::format("{:.4g} {}{}", value, units.back().text, suffix);
  }
  for (const Unit& unit : units) {
    if (std::abs(value) >= unit.factor * 0.99995) {
      return fmt::format("{:.4g} {}{}", value / unit.factor, unit.text, suffix);
    }
  }
  return fmt::format("{:.4g} {}{}", value / units.back().factor, units.back().text, suffix);
}

constexpr std::array<Unit, 4> kTimeShort{{{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}}};
constexpr std::array<Unit, 5> kDecimalBytes{
    {{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}};
constexpr std::array<Unit, 5> kBinaryBytes{{{"TiB", kKi* kKi* kKi* kKi},
                                            {"GiB", kKi* kKi* kKi},
                                            {"MiB", kKi* kKi},
                                            {"KiB", kKi},
                                            {"B", 1}}};

}  // namespace

std::string to_text(Seconds value) {
  return scaled(value.value(), kTimeShort, "");
}
std::string to_text(Bytes value) {
  return scaled(value.value(), kBinaryBytes, "");
}
std::string to_text(BytesPerSecond value) {
  return scaled(value.value(), kDecimalBytes, "/s");
}
std::string to_text(FlopsPerSecond value) {
  return scaled(value.value(), kFlops, "/s");
}
std::string to_text(Watts value) {
  return scaled(value.value(), kPower, "");
}

std::string to_size_text(Bytes value) {
  const double bytes = value.value();
  for (const Unit& unit : kBinaryBytes) {
    const double scaled_value = bytes / unit.factor;
    if (scaled_value >= 1.0 && scaled_value * 8.0 == std::floor(scaled_value * 8.0)) {
      return fmt::format("{}{}", scaled_value, unit.text);
    }
  }
  return fmt::format("{}B", bytes);
}

}  // namespace windtunnel::base
