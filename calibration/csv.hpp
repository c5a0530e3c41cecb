// Comma-separated text (RFC 4180) with the place of every field.
//
// Contract: quoted fields may hold commas, doubled quotes and line ends; CRLF, LF and a lone CR at
// the end of a line are accepted, and so is a UTF-8 byte order mark. Blank lines and lines that
// begin with '#' are skipped. A quote that never closes is an error at the place where it opened.
// O(text).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::calibration {

struct CsvField {
  std::string text;
  int column = 0;  // from 1
};

struct CsvRow {
  std::vector<CsvField> fields;
  int line = 0;  // from 1, of its first character
};

// The whole text as a finite number, or nothing.
std::optional<double> number(const std::string& text);

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& file,
                              base::Diagnostics& diagnostics);

}  // namespace windtunnel::calibration
