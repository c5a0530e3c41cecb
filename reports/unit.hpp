// What a fact or a column is measured in, and how such a number is shown to people.
//
// The unit comes from FactInfo where it is given, else from the end of the key, by the rule that
// keys end in their unit: `_s`, `_bytes`, `_bytes_per_s`, `_flops_per_s`, `_per_s`, `_w`, `_j`,
// `_usd`; and from a short list of keys that are fractions (`error`, `bias`, `utilisation`,
// `..._fraction`) or factors (`slowdown`).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sim/base/fact.hpp"

namespace windtunnel::reports {

enum class Unit {
  plain,  // a count, a ratio, or not known
  seconds,
  bytes,
  bytes_per_second,
  flops,
  flops_per_second,
  per_second,
  watts,
  joules,
  dollars,
  fraction,  // 0..1, shown in per cent
  factor     // shown as 1.25x
};

Unit unit_of(std::string_view key);
Unit unit_of(std::string_view key, const std::map<std::string, base::FactInfo>& fact_info);

// "busbw_bytes_per_s" -> its FactInfo name, else "busbw": the key without its unit, underscores as
// blanks.
std::string title_of(std::string_view key, const std::map<std::string, base::FactInfo>& fact_info);

// For people, three or four digits with the unit scaled: "1.234 ms", "46.8 GB/s", "64KiB", "12.5
// %". Not finite: "-".
std::string value_text(double value, Unit unit);
// The same without trailing zeros, for the ticks of an axis: "100 us".
std::string tick_text(double value, Unit unit);
// A word as it is; a number with the unit of its column.
std::string cell_text(const base::Cell& cell, Unit unit);

// A byte count as collective sizes are written: 64KiB where it is a round multiple, else "1.4 MiB".
std::string size_text(double bytes);

// The half width of a band around a value as people write it: "±12%", or "-8/+15%" where the sides
// differ. Empty where the band or the value says nothing.
std::string band_text(double value, const base::Band& band);

// The number in a cell, NaN where it is a word or nothing.
double number_in(const base::Cell& cell);

}  // namespace windtunnel::reports
