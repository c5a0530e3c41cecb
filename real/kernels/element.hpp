// What one element of a tensor on the device is stored as. Arithmetic inside kernels is fp32.
#pragma once

#include <cstdint>
#include <string_view>

namespace windtunnel::real {

// Storage of the 16-bit formats.
struct Fp16 {
  std::uint16_t bits;
};
struct Bf16 {
  std::uint16_t bits;
};

enum class Element : std::uint8_t { fp32, fp16, bf16 };

constexpr std::int64_t bytes_of(Element element) {
  return element == Element::fp32 ? 4 : 2;
}
constexpr std::string_view to_text(Element element) {
  return element == Element::fp32 ? "fp32" : element == Element::fp16 ? "fp16" : "bf16";
}

}  // namespace windtunnel::real
