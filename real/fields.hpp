// Named fields of one row of a measurement file, in the order they were put in; and the columns that
// a row may have (contract.md section 5, and what `windtunnel-measure` adds).
//
// Contract: values are text without line ends; a blank value is as good as none; `columns()` is the
// closed list: a field of another name is a bug (expects in MeasurementWriter).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/quantity.hpp"

namespace windtunnel::real {

using Fields = std::vector<std::pair<std::string, std::string>>;

// "" where there is none.
std::string field(const Fields& fields, std::string_view name);
// Replaces the value, or appends the field.
void set_field(Fields& fields, std::string_view name, std::string value);
// Every field of `more` as by set_field.
void set_fields(Fields& fields, const Fields& more);

// A time as it stands in a file: the shortest decimal of at least seven digits' precision.
std::string time_text(base::Seconds time);
std::string number_text(double value);

// Header of every measurement file, `kind` first.
const std::vector<std::string>& columns();

}  // namespace windtunnel::real
