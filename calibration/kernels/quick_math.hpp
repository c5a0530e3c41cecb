// Logarithm and exponential for the warm path of fitted components: tables and a short series.
//
// log2: x = 2^e (1 + f); with c the middle of the 128th of [1, 2) that holds 1 + f and
// r = (1 + f) / c - 1, log2 x = e + log2 c + (r - r^2 / 2 + r^3 / 3) / ln 2; |r| < 1 / 256, error
// below 2e-10. exp: x / ln 2 = i + j / 64 + s, 2^(j / 64) from a table, 2^s by its series to s^4;
// |s| < 1 / 128, relative error below 1e-12.
// Contract: x normal and above 0 for log2; |x| < 700 for exp. No errno, no rounding modes; about
// 3 ns each where the library takes 10 to 20.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace windtunnel::calibration {

struct QuickMathTables {
  std::array<double, 128> log2_middle{}, inverse_middle{};
  std::array<double, 64> power{};
  QuickMathTables() {
    for (std::size_t i = 0; i < 128; ++i) {
      const double middle = 1.0 + (static_cast<double>(i) + 0.5) / 128.0;
      log2_middle[i] = std::log2(middle);
      inverse_middle[i] = 1.0 / middle;
    }
    for (std::size_t j = 0; j < 64; ++j) power[j] = std::exp2(static_cast<double>(j) / 64.0);
  }
};
inline const QuickMathTables kQuickMath;

inline double quick_log2(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const auto exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  const std::size_t slot = bits >> 45 & 127;
  const double mantissa =
      std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  const double r = mantissa * kQuickMath.inverse_middle[slot] - 1.0;
  return static_cast<double>(exponent) + kQuickMath.log2_middle[slot] +
         r * (1.0 + r * (-0.5 + r * (1.0 / 3.0))) * std::numbers::log2e;
}

inline double quick_exp(double x) {
  const double scaled = x * (64.0 * std::numbers::log2e);
  const auto whole = static_cast<std::int64_t>(scaled + (scaled < 0.0 ? -0.5 : 0.5));
  const double s = (scaled - static_cast<double>(whole)) * (std::numbers::ln2 / 64.0);
  const double series = 1.0 + s * (1.0 + s * (0.5 + s * (1.0 / 6.0 + s * (1.0 / 24.0))));
  const auto exponent = static_cast<std::uint64_t>((whole >> 6) + 1023) << 52;
  return kQuickMath.power[static_cast<std::size_t>(whole & 63)] * std::bit_cast<double>(exponent) *
         series;
}

}  // namespace windtunnel::calibration
