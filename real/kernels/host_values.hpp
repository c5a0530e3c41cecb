// Bytes of a device as numbers on the host, for the checks beside a measurement.
#pragma once

#include <cstdint>
#include <vector>

namespace windtunnel::real {

enum class StoredFormat { fp32, fp16, bf16, e4m3, int8, int32 };

std::int64_t bytes_of(StoredFormat format);
// Half a unit in the last place, relative: the rounding of a stored result; 0 for integers.
double rounding_of(StoredFormat format);
// `raw` holds whole elements.
std::vector<double> host_values(const std::vector<unsigned char>& raw, StoredFormat format);

double half_value(std::uint16_t bits);
double bfloat16_value(std::uint16_t bits);
double e4m3_value(std::uint8_t bits);  // OCP FP8, 1 sign, 4 exponent (bias 7), 3 mantissa bits

}  // namespace windtunnel::real
