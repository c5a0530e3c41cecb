// Quantities as a person writes them: `400Gb/s`, `80GiB`, `1.5us`, `312 TFLOP/s`, `700W`, `$2.5/h`.
//
// `b` is bit, `B` is byte; k M G T P are powers of 1000, Ki Mi Gi Ti Pi of 1024. Time: ns us ms s min h d.
// Rates end in `/s` (also `/h`, `/kWh` for money). One blank between number and unit is allowed.
// A bare number is an error that names the likely spellings.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "sim/base/quantity.hpp"

namespace windtunnel::base {

enum class Dimension {
  time,
  rate,  // per second
  bytes,
  bandwidth,
  flops,
  flop_rate,
  energy,
  power,
  money,
  money_rate,
  money_per_energy
};

// The value in SI base units, or a sentence that says what is wrong and how to write it.
struct UnitError {
  std::string message;
};
using ParsedQuantity = std::variant<double, UnitError>;

ParsedQuantity parse_quantity(std::string_view text, Dimension dimension);

// The name of a dimension and two spellings, for errors and the reference page: "bandwidth", "400Gb/s or 50GB/s".
std::string_view dimension_name(Dimension dimension);
std::string_view dimension_examples(Dimension dimension);

// Text that parse_quantity reads back to the same double (shortest form that does).
std::string exact_text(double in_si_units, Dimension dimension);

// For people, three to four digits: "1.234 ms", "46.8 GB/s", "80 GiB", "989 TFLOP/s".
std::string to_text(Seconds value);
std::string to_text(Bytes value);
std::string to_text(BytesPerSecond value);
std::string to_text(FlopsPerSecond value);
std::string to_text(Watts value);
// A byte count as nccl-tests users write it: 8B, 64KiB, 1.5MiB, 1GiB; counts that are no multiple stay in B.
std::string to_size_text(Bytes value);

}  // namespace windtunnel::base
