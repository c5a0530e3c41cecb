// Fp16, Bf16 and float as doubles on the host and back, for tests with and without a device.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "real/kernels/element.hpp"

namespace windtunnel::real {

template <class T>
inline constexpr bool is_bf16 = std::is_same_v<T, Bf16>;
template <class T>
inline constexpr Element kElementOf = std::is_same_v<T, float> ? Element::fp32
                                      : is_bf16<T>             ? Element::bf16
                                                               : Element::fp16;

inline double double_of_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0x1f) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(static_cast<double>(fraction), -24);
  return sign * std::ldexp(static_cast<double>(fraction + 0x400), exponent - 25);
}

inline double double_of_bfloat16(std::uint16_t bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16U;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return static_cast<double>(value);
}

inline std::uint16_t half_of(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double size = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00);
  if (size >= 65520.0) return static_cast<std::uint16_t>(sign | 0x7c00);
  constexpr double kLeastNormal = 6.103515625e-05;
  const int exponent = size < kLeastNormal ? -14 : std::ilogb(size);
  const auto units = static_cast<int>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  const int rounded = size < kLeastNormal ? units : units + ((exponent + 14) << 10);
  return static_cast<std::uint16_t>(sign | rounded);
}

inline std::uint16_t bfloat16_of(double value) {
  const auto single = static_cast<float>(value);
  std::uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  if (std::isnan(single)) return static_cast<std::uint16_t>(bits >> 16U | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16U & 1U)) >> 16U);
}

template <class T>
double double_of(const T& value) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<double>(value);
  } else {
    return is_bf16<T> ? double_of_bfloat16(value.bits) : double_of_half(value.bits);
  }
}
template <class T>
T stored_as(double value) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(value);
  } else {
    return T{is_bf16<T> ? bfloat16_of(value) : half_of(value)};
  }
}

}  // namespace windtunnel::real
