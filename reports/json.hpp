// `result.json` (contract.md section 4, schema windtunnel.result/1): written from a Result and read
// back.
//
// Law: read(write(r)) equals r wherever r is finite and no table was left out, and write(read(t)) =
// t for every t that write made. A number that JSON cannot hold is written as null and named in
// `warnings`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "reports/result.hpp"

namespace windtunnel::reports {

inline constexpr std::string_view kResultSchema = "windtunnel.result/1";
inline constexpr std::size_t kRowsOnStdout = 10'000;

struct JsonOptions {
  // Tables of more rows give only their columns and `row_count`; 0: every table in full (what --out
  // writes).
  std::size_t most_rows = 0;
};

std::string to_json(const Result& result, const JsonOptions& options = {});

// Strict about what it knows (types, required keys, duplicates), silent about keys it does not
// know. Throws InputError with every error found, each with the line and column it stands at in
// `text`.
Result read_json(std::string_view text, const std::string& file_name);

// As read_json; a file that cannot be opened is an EnvironmentError.
Result read_json_file(const std::string& path);

}  // namespace windtunnel::reports
