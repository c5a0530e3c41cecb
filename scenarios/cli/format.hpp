// The formats of `--format`, and small tables (list, doctor, check) in each of them. Results of
// runs are rendered by reports/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/fact.hpp"

namespace windtunnel::scenarios::cli {

enum class Format { table, json, csv, markdown };

const std::vector<std::string>& format_names();
Format format_from_text(std::string_view text);  // one of format_names()

// Columns a report on stdout may take: those of the terminal, else 100.
int report_width();

// Numbers of a table are shown with the unit their column ends in; JSON is a list of objects with
// the columns as keys, CSV has the columns as its header, both with numbers in full.
std::string render(const base::Table& table, Format format);

}  // namespace windtunnel::scenarios::cli
