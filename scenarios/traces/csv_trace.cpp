// Traces as comma-separated values.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <optional>

#include "scenarios/traces/trace_rows.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Seconds;

enum class TimeKind { seconds, seconds_from_first, date };

struct Format {
  std::string_view time, input, output, prefix_id, prefix_tokens;
  TimeKind kind = TimeKind::seconds;
  bool drops_failures = false;  // rows of 0 tokens are requests that failed
};

constexpr std::array<Format, 4> kFormats{{
    {"arrival_s", "input_tokens", "output_tokens", "prefix_id", "prefix_tokens"},
    {"arrived_at", "num_prefill_tokens", "num_decode_tokens", "", ""},
    {"TIMESTAMP", "ContextTokens", "GeneratedTokens", "", "", TimeKind::date, true},
    {"Timestamp", "Request tokens", "Response tokens", "", "", TimeKind::seconds_from_first, true},
}};

struct Cell {
  std::string_view text;
  std::size_t column = 1;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return text;
}

// No format has a comma inside a value.
void split(std::string_view line, std::vector<Cell>& cells) {
  cells.clear();
  for (std::size_t begin = 0;;) {
    const std::size_t comma = std::min(line.find(',', begin), line.size());
    cells.push_back({trimmed(line.substr(begin, comma - begin)), begin + 1});
    if (comma == line.size()) return;
    begin = comma + 1;
  }
}

std::optional<std::size_t> place_of(const std::vector<Cell>& header, std::string_view name) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (!name.empty() && header[i].text == name) return i;
  }
  return std::nullopt;
}

const Format* format_of(const std::vector<Cell>& header) {
  for (const Format& format : kFormats) {
    if (place_of(header, format.time) && place_of(header, format.input) &&
        place_of(header, format.output)) {
      return &format;
    }
  }
  return nullptr;
}

class CsvReader {
 public:
  CsvReader(const Format& format, const std::vector<Cell>& header, TraceRows& rows)
      : format_(format),
        rows_(rows),
        width_(header.size()),
        time_(*place_of(header, format.time)),
        input_(*place_of(header, format.input)),
        output_(*place_of(header, format.output)),
        prefix_id_(place_of(header, format.prefix_id)),
        prefix_tokens_(place_of(header, format.prefix_tokens)) {
    if (prefix_id_.has_value() != prefix_tokens_.has_value()) {
      rows.error(1, "prefix_id and prefix_tokens come together: the header has one of them");
      throw TooManyErrors{};
    }
  }

  void read(std::string_view line) {
    if (trimmed(line).empty()) return;
    split(line, cells_);
    if (cells_.size() != width_) {
      rows_.error(1, fmt::format("{} values, where the header has {}", cells_.size(), width_));
      return;
    }
    strategies::Request request;
    const auto time = time_of(cells_[time_]);
    const auto input = rows_.tokens(cells_[input_].text, cells_[input_].column, format_.input);
    const auto output = rows_.tokens(cells_[output_].text, cells_[output_].column, format_.output);
    if (!time || !input || !output || !prefix(request, *input)) return;
    if (*input == 0 || *output == 0) {
      if (format_.drops_failures) return rows_.skip();
      const std::size_t zero = *input == 0 ? input_ : output_;
      rows_.error(cells_[zero].column, fmt::format("{} is 0; it has to be at least 1",
                                                   *input == 0 ? format_.input : format_.output));
      return;
    }
    request.arrival = Seconds(*time);
    request.input_tokens = *input;
    request.output_tokens = *output;
    rows_.add(request, cells_[time_].column);
  }

 private:
  // From the first request of the trace on, where the format counts from some date.
  std::optional<double> time_of(const Cell& cell) {
    std::optional<double> time;
    if (format_.kind == TimeKind::date) {
      time = seconds_of_date(cell.text);
      if (!time) {
        rows_.error(cell.column, fmt::format("{} has to be a date and time (2023-11-16 "
                                             "18:15:46.68), not '{}'",
                                             format_.time, cell.text));
      }
    } else {
      time = rows_.time(cell.text, cell.column, format_.time);
    }
    if (!time || format_.kind == TimeKind::seconds) return time;
    if (!first_) first_ = *time;
    return *time - *first_;
  }

  bool prefix(strategies::Request& request, std::int64_t input) {
    if (!prefix_id_) return true;
    const Cell& id = cells_[*prefix_id_];
    const Cell& tokens = cells_[*prefix_tokens_];
    if (id.text.empty() || id.text == "-1") return true;
    const auto number = rows_.tokens(id.text, id.column, "prefix_id");
    const auto count = rows_.tokens(tokens.text, tokens.column, "prefix_tokens");
    if (!number || !count) return false;
    if (*count > input) {
      rows_.error(tokens.column,
                  fmt::format("prefix_tokens is {}, more than the input of {}", *count, input));
      return false;
    }
    request.prefix_id = *number;
    request.prefix_tokens = *count;
    return true;
  }

  const Format& format_;
  TraceRows& rows_;
  std::size_t width_;
  std::size_t time_, input_, output_;
  std::optional<std::size_t> prefix_id_, prefix_tokens_;
  std::optional<double> first_;
  std::vector<Cell> cells_;
};

template <class N>
bool read_digits(std::string_view& text, std::size_t digits, char after, N& out) {
  if (text.size() < digits) return false;
  out = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) return false;
    out = out * 10 + static_cast<N>(text[i] - '0');
  }
  text.remove_prefix(digits);
  if (after == '\0') return true;
  if (text.empty() || text.front() != after) return false;
  text.remove_prefix(1);
  return true;
}

double fraction(std::string_view& text) {
  if (text.empty() || text.front() != '.') return 0;
  text.remove_prefix(1);
  double value = 0, scale = 0.1;
  while (!text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0) {
    value += scale * (text.front() - '0');
    scale /= 10;
    text.remove_prefix(1);
  }
  return value;
}

}  // namespace

std::optional<double> seconds_of_date(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!read_digits(text, 4, '-', year) || !read_digits(text, 2, '-', month) ||
      !read_digits(text, 2, '\0', day) || text.empty() ||
      (text.front() != ' ' && text.front() != 'T')) {
    return std::nullopt;
  }
  text.remove_prefix(1);
  if (!read_digits(text, 2, ':', hour) || !read_digits(text, 2, ':', minute) ||
      !read_digits(text, 2, '\0', second)) {
    return std::nullopt;
  }
  const double part = fraction(text);
  if (!text.empty() && text != "Z" && text != "+00:00" && text != " UTC") return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86400.0 + hour * 3600.0 + minute * 60.0 + second + part;
}

bool is_csv_trace(std::string_view header) {
  std::vector<Cell> cells;
  split(header, cells);
  return format_of(cells) != nullptr;
}

void read_csv_trace(const std::string& header, TraceLines& lines, TraceRows& rows) {
  std::vector<Cell> cells;
  split(header, cells);
  CsvReader reader(*format_of(cells), cells, rows);
  for (std::string_view line; lines.next(line);) reader.read(line);
}

}  // namespace windtunnel::scenarios
