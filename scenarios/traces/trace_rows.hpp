// What every trace format adds its rows to: checks that hold for all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/traces/trace_lines.hpp"
#include "sim/base/diagnostics.hpp"
#include "strategies/serve/request.hpp"

namespace windtunnel::scenarios {

// Thrown, and caught by read_trace, where a file has so many errors that reading on is no use.
struct TooManyErrors {};

class TraceRows {
 public:
  TraceRows(const TraceLines& lines, base::Diagnostics& diagnostics)
      : lines_(lines), diagnostics_(diagnostics) {}

  void error(std::size_t column, std::string message);  // column from 1

  // A number or a whole number from 0; nothing, with an error, where the text is none.
  std::optional<double> time(std::string_view text, std::size_t column, std::string_view name);
  std::optional<std::int64_t> tokens(std::string_view text, std::size_t column,
                                     std::string_view name);
  // Adds a request; false, with an error, where it comes before the last one.
  bool add(strategies::Request request, std::size_t time_column);
  // Counts a row of a failed request, which has no tokens.
  void skip() { ++skipped_; }

  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < requests_.size(); ++i) visit(i, requests_[i]);
  }
  std::vector<strategies::Request> take();

 private:
  const TraceLines& lines_;
  base::Diagnostics& diagnostics_;
  std::vector<strategies::Request> requests_;
  std::int64_t skipped_ = 0;
  int errors_ = 0;
};

// Readers of a format, after its first line; `header` is that line.
bool is_csv_trace(std::string_view header);
void read_csv_trace(const std::string& header, TraceLines& lines, TraceRows& rows);
void read_mooncake_trace(std::string_view first, TraceLines& lines, TraceRows& rows);

// Seconds since 1970 of "2023-11-16 18:15:46.6805900" or "2024-05-10 00:00:00.009930+00:00";
// nothing where the text is no date and time.
std::optional<double> seconds_of_date(std::string_view text);

}  // namespace windtunnel::scenarios
