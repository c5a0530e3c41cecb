// bf16 on the host: the upper half of an fp32, rounded to nearest even.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace windtunnel::real {

inline std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16U | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16U & 1U)) >> 16U);
}
inline float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

inline std::vector<std::uint16_t> to_bfloat16(std::span<const double> values) {
  std::vector<std::uint16_t> out;
  out.reserve(values.size());
  for (const double value : values) out.push_back(to_bfloat16(static_cast<float>(value)));
  return out;
}
// Every value rounded to bf16 and back: what the device computes with.
inline void round_to_bfloat16(std::span<double> values) {
  for (double& value : values)
    value = static_cast<double>(from_bfloat16(to_bfloat16(static_cast<float>(value))));
}

}  // namespace windtunnel::real
