#include "sim/platform/simgrid_units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace windtunnel::sim {
namespace {

struct Split {
  double number = 0.0;
  std::string_view unit;
};

std::optional<Split> split(std::string_view text) {
  Split result;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), result.number);
  if (parsed.ec != std::errc() || !std::isfinite(result.number)) return std::nullopt;
  result.unit = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()));
  return result;
}

// k M G T P E Z Y by 1000, Ki Mi ... by 1024; nothing for any other prefix.
std::optional<double> prefix_scale(std::string_view prefix) {
  if (prefix.empty()) return 1.0;
  constexpr std::string_view kLetters = "kMGTPEZY";
  const bool binary = prefix.size() == 2 && prefix[1] == 'i';
  if (prefix.size() != 1 && !binary) return std::nullopt;
  const char letter = binary && prefix[0] == 'K' ? 'k' : prefix[0];
  const std::size_t power = kLetters.find(letter);
  if (power == std::string_view::npos || (binary && prefix[0] == 'k')) return std::nullopt;
  return std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
}

}  // namespace

std::optional<double> simgrid_bandwidth(std::string_view text) {
  const std::optional<Split> parts = split(text);
  if (!parts) return std::nullopt;
  if (parts->unit.empty()) return parts->number;  // bytes per second, as SimGrid takes it
  for (const auto& [ending, scale] : {std::pair{"Bps", 1.0}, std::pair{"bps", 0.125}}) {
    if (!parts->unit.ends_with(ending)) continue;
    const std::optional<double> prefix =
        prefix_scale(parts->unit.substr(0, parts->unit.size() - 3));
    if (prefix) return parts->number * scale * *prefix;
  }
  return std::nullopt;
}

std::optional<double> simgrid_time(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 10> kUnits{{{"", 1.0},
                                                                        {"s", 1.0},
                                                                        {"ms", 1e-3},
                                                                        {"us", 1e-6},
                                                                        {"ns", 1e-9},
                                                                        {"ps", 1e-12},
                                                                        {"m", 60.0},
                                                                        {"h", 3600.0},
                                                                        {"d", 86400.0},
                                                                        {"w", 604800.0}}};
  const std::optional<Split> parts = split(text);
  if (!parts) return std::nullopt;
  for (const auto& [unit, scale] : kUnits) {
    if (parts->unit == unit) return parts->number * scale;
  }
  return std::nullopt;
}

}  // namespace windtunnel::sim
