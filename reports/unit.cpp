#include "reports/unit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>

#include "sim/base/unit_text.hpp"

namespace windtunnel::reports {
namespace {

struct Suffix {
  std::string_view text;
  Unit unit;
};
// Longest first: the first that fits is taken.
constexpr std::array<Suffix, 10> kSuffixes{{{"bytes_per_s", Unit::bytes_per_second},
                                            {"flops_per_s", Unit::flops_per_second},
                                            {"per_s", Unit::per_second},
                                            {"flops", Unit::flops},
                                            {"bytes", Unit::bytes},
                                            {"usd", Unit::dollars},
                                            {"us", Unit::plain},
                                            {"s", Unit::seconds},
                                            {"w", Unit::watts},
                                            {"j", Unit::joules}}};

constexpr std::string_view kFractions[] = {
    "error",       "bias",       "utilisation",       "fraction", "mfu",       "hfu",
    "inside_band", "band_width", "band_width_median", "regret",   "attainment"};

// "a_b" ends in the word "b"; so does "b".
bool ends_in_word(std::string_view key, std::string_view word) {
  if (!key.ends_with(word)) return false;
  return key.size() == word.size() || key[key.size() - word.size() - 1] == '_';
}

Unit unit_from_info(const std::string& text) {
  if (text == "s") return Unit::seconds;
  if (text == "bytes" || text == "B" || text == "byte") return Unit::bytes;
  if (text == "bytes/s" || text == "B/s") return Unit::bytes_per_second;
  if (text == "flop" || text == "FLOP" || text == "flops") return Unit::flops;
  if (text == "flop/s" || text == "FLOP/s" || text == "flops/s") return Unit::flops_per_second;
  if (text == "1/s" || text == "/s" || text.ends_with("/s")) return Unit::per_second;
  if (text == "W") return Unit::watts;
  if (text == "J") return Unit::joules;
  if (text == "USD" || text == "$") return Unit::dollars;
  if (text == "fraction" || text == "%") return Unit::fraction;
  return Unit::plain;
}

struct Prefix {
  double factor;
  std::string_view text;
};
constexpr std::array<Prefix, 6> kDecimal{
    {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}}};
constexpr std::array<Prefix, 4> kTime{{{1, ""}, {1e-3, "m"}, {1e-6, "u"}, {1e-9, "n"}}};

// Four digits, trailing zeros kept so that the decimals of a column stand below each other.
std::string four_digits(double value) {
  std::string text = fmt::format("{:#.4g}", value);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string scaled(double value, std::span<const Prefix> prefixes, std::string_view unit) {
  if (value == 0.0) return fmt::format("0 {}", unit);
  for (const Prefix& prefix : prefixes) {
    // 0.99995 is what four digits round up to the next prefix.
    if (std::abs(value) >= prefix.factor * 0.99995) {
      return fmt::format("{} {}{}", four_digits(value / prefix.factor), prefix.text, unit);
    }
  }
  return fmt::format("{} {}{}", four_digits(value / prefixes.back().factor), prefixes.back().text,
                     unit);
}

// One decimal, so that a column lines up; more only where that would be nothing.
std::string percent_text(double percent) {
  const bool small = percent != 0.0 && std::abs(percent) < 0.1;
  return small ? fmt::format("{:.2g} %", percent) : fmt::format("{:.1f} %", percent);
}

std::string plain_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

}  // namespace

Unit unit_of(std::string_view key) {
  // Parameters are paths: the last part is the name.
  if (const auto dot = key.rfind('.'); dot != std::string_view::npos) key.remove_prefix(dot + 1);
  if (ends_in_word(key, "standard_error")) return Unit::plain;  // in the unit of what it belongs to
  for (const std::string_view word : kFractions) {
    if (ends_in_word(key, word)) return Unit::fraction;
  }
  if (ends_in_word(key, "slowdown") || ends_in_word(key, "ratio") || ends_in_word(key, "speedup"))
    return Unit::factor;
  for (const Suffix& suffix : kSuffixes) {
    // A unit alone is a name only where it is a word ("bytes"), not a letter ("s").
    if (ends_in_word(key, suffix.text) &&
        (key.size() > suffix.text.size() || suffix.text.size() > 2))
      return suffix.unit;
  }
  return Unit::plain;
}

Unit unit_of(std::string_view key, const std::map<std::string, base::FactInfo>& fact_info) {
  const auto info = fact_info.find(std::string(key));
  if (info != fact_info.end() && !info->second.unit.empty()) {
    const Unit unit = unit_from_info(info->second.unit);
    if (unit != Unit::plain) return unit;
  }
  return unit_of(key);
}

std::string title_of(std::string_view key, const std::map<std::string, base::FactInfo>& fact_info) {
  const auto info = fact_info.find(std::string(key));
  if (info != fact_info.end() && !info->second.name.empty()) return info->second.name;
  std::string_view name = key;
  const bool is_fraction = unit_of(key) == Unit::fraction || unit_of(key) == Unit::factor;
  for (const Suffix& suffix : kSuffixes) {
    if (!is_fraction && unit_of(key) == suffix.unit && ends_in_word(name, suffix.text) &&
        name.size() > suffix.text.size()) {
      name.remove_suffix(suffix.text.size() + 1);
      break;
    }
  }
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

std::string value_text(double value, Unit unit) {
  if (!std::isfinite(value)) return "-";
  switch (unit) {
    case Unit::plain:
      return plain_text(value);
    case Unit::seconds:
      return scaled(value, kTime, "s");
    case Unit::bytes:
      return size_text(value);
    case Unit::bytes_per_second:
      return scaled(value, kDecimal, "B/s");
    case Unit::flops:
      return scaled(value, kDecimal, "FLOP");
    case Unit::flops_per_second:
      return scaled(value, kDecimal, "FLOP/s");
    case Unit::per_second:
      return scaled(value, kDecimal, "/s");
    case Unit::watts:
      return scaled(value, kDecimal, "W");
    case Unit::joules:
      return scaled(value, kDecimal, "J");
    case Unit::dollars:
      return fmt::format("${:.4g}", value);
    case Unit::fraction:
      return percent_text(value * 100.0);
    case Unit::factor:
      return four_digits(value) + "x";
  }
  return plain_text(value);
}

std::string tick_text(double value, Unit unit) {
  std::string text = value_text(value, unit);
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return text;
  const std::size_t end = std::min(text.find_first_not_of("0123456789", dot + 1), text.size());
  std::size_t keep = end;
  while (keep > dot + 1 && text[keep - 1] == '0') --keep;
  if (keep == dot + 1) keep = dot;
  return text.erase(keep, end - keep);
}

std::string cell_text(const base::Cell& cell, Unit unit) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (std::holds_alternative<std::monostate>(cell)) return "";
  // A whole number is no share: inside_band of one row is 0 or 1.
  if (std::holds_alternative<std::int64_t>(cell) && unit == Unit::fraction) unit = Unit::plain;
  return value_text(number_in(cell), unit);
}

std::string size_text(double bytes) {
  if (!std::isfinite(bytes)) return "-";
  if (bytes == std::floor(bytes)) {
    std::string exact = base::to_size_text(base::Bytes(bytes));
    // 64KiB and 1000B, but 1.335 MiB where the count is no round multiple, and 45.56 GiB for 46656MiB.
    const bool short_binary = exact.ends_with("iB") && std::strtod(exact.c_str(), nullptr) < 1024.0;
    if (exact.size() <= 8 && (bytes < 10'000 || short_binary)) return exact;
  }
  return base::to_text(base::Bytes(bytes));
}

std::string band_text(double value, const base::Band& band) {
  const double below = 1.0 - band.low / value;
  const double above = band.high / value - 1.0;
  if (!std::isfinite(below) || !std::isfinite(above) || below < 0.0 || above < 0.0) return "";
  if (below == 0.0 && above == 0.0) return "";
  const auto digits = [](double fraction) {
    const double percent = fraction * 100.0;
    return percent < 0.95 ? fmt::format("{:.1g}", percent) : fmt::format("{:.0f}", percent);
  };
  // Sides that differ by less than a fifth are shown as one.
  const double larger = std::max(below, above);
  if (larger - std::min(below, above) <= 0.2 * larger)
    return fmt::format("±{}%", digits((below + above) / 2));
  return fmt::format("-{}/+{}%", digits(below), digits(above));
}

double number_in(const base::Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace windtunnel::reports
