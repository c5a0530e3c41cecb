#include "real/kernels/host_values.hpp"

#include <cmath>
#include <cstring>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

template <class T>
T raw_as(const unsigned char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

double value_at(const unsigned char* at, StoredFormat format) {
  switch (format) {
    case StoredFormat::fp32:
      return static_cast<double>(raw_as<float>(at));
    case StoredFormat::fp16:
      return half_value(raw_as<std::uint16_t>(at));
    case StoredFormat::bf16:
      return bfloat16_value(raw_as<std::uint16_t>(at));
    case StoredFormat::e4m3:
      return e4m3_value(*at);
    case StoredFormat::int8:
      return static_cast<double>(raw_as<std::int8_t>(at));
    case StoredFormat::int32:
      return static_cast<double>(raw_as<std::int32_t>(at));
  }
  return 0.0;
}

}  // namespace

std::int64_t bytes_of(StoredFormat format) {
  switch (format) {
    case StoredFormat::fp32:
    case StoredFormat::int32:
      return 4;
    case StoredFormat::fp16:
    case StoredFormat::bf16:
      return 2;
    case StoredFormat::e4m3:
    case StoredFormat::int8:
      return 1;
  }
  return 1;
}

double rounding_of(StoredFormat format) {
  switch (format) {
    case StoredFormat::fp32:
      return 0x1p-24;
    case StoredFormat::fp16:
      return 0x1p-11;
    case StoredFormat::bf16:
      return 0x1p-8;
    case StoredFormat::e4m3:
      return 0x1p-4;
    case StoredFormat::int8:
    case StoredFormat::int32:
      return 0.0;
  }
  return 0.0;
}

std::vector<double> host_values(const std::vector<unsigned char>& raw, StoredFormat format) {
  const auto width = static_cast<std::size_t>(bytes_of(format));
  base::expects(raw.size() % width == 0, "whole elements");
  std::vector<double> values;
  values.reserve(raw.size() / width);
  for (std::size_t at = 0; at < raw.size(); at += width) {
    values.push_back(value_at(raw.data() + at, format));
  }
  return values;
}

double half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0x1f) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(static_cast<double>(fraction), -24);
  return sign * std::ldexp(static_cast<double>(fraction + 0x400), exponent - 25);
}

double bfloat16_value(std::uint16_t bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16U;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return static_cast<double>(value);
}

double e4m3_value(std::uint8_t bits) {
  const int exponent = bits >> 3 & 0xf, fraction = bits & 0x7;
  const double sign = (bits & 0x80) != 0 ? -1.0 : 1.0;
  if (exponent == 0xf && fraction == 0x7) return NAN;
  if (exponent == 0) return sign * std::ldexp(static_cast<double>(fraction), -9);
  return sign * std::ldexp(static_cast<double>(fraction + 8), exponent - 10);
}

}  // namespace windtunnel::real
