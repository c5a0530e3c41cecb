// Where a result goes: stdout in the format asked for, and the files of --out.
#pragma once

#include <string>

#include "reports/result.hpp"
#include "scenarios/cli/console.hpp"
#include "scenarios/cli/format.hpp"

namespace windtunnel::scenarios::cli {

// The result on stdout: a report for people, one JSON document, or a CSV of the cases.
void print_result(const reports::Result& result, Format format, Console& console);

// result.json, result.csv, report.html and trace.json into a folder that prepare_folder() has seen;
// each file is whole or absent. Says on stderr what it wrote.
void write_result(const reports::Result& result, const std::string& folder, const Console& console);

}  // namespace windtunnel::scenarios::cli
