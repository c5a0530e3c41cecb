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

double double_of_half(std::uint16_t bits);
double double_of_bfloat16(std::uint16_t bits);
std::uint16_t half_of(double value);
std::uint16_t bfloat16_of(double value);

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
