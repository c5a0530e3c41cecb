#include "scenarios/traces/trace_rows.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "scenarios/traces/read_trace.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr int kMostErrors = 20;
constexpr std::size_t kMostRequests = 20'000'000;
constexpr double kLatest = 1e10;
constexpr std::int64_t kMostTokens = 16'777'216;

template <class N>
std::optional<N> whole_text_as(std::string_view text) {
  N value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void TraceRows::error(std::size_t column, std::string message) {
  diagnostics_.error({lines_.path(), lines_.number(), static_cast<int>(column)},
                     std::move(message));
  if (++errors_ >= kMostErrors) throw TooManyErrors{};
}

std::optional<double> TraceRows::time(std::string_view text, std::size_t column,
                                      std::string_view name) {
  const auto value = whole_text_as<double>(text);
  if (value && std::isfinite(*value) && *value >= 0 && *value <= kLatest) return value;
  if (value && *value < 0) {
    error(column, fmt::format("{} is {}; it has to be at least 0", name, text));
  } else {
    error(column, fmt::format("{} has to be a number, not '{}'", name, text));
  }
  return std::nullopt;
}

std::optional<std::int64_t> TraceRows::tokens(std::string_view text, std::size_t column,
                                              std::string_view name) {
  auto value = whole_text_as<std::int64_t>(text);
  if (!value) {
    // Tables made with pandas write whole numbers as 374.0 where a column has gaps.
    const auto number = whole_text_as<double>(text);
    if (number && std::abs(*number) <= 1e15 && *number == std::floor(*number)) {
      value = static_cast<std::int64_t>(*number);
    }
  }
  if (!value) {
    error(column, fmt::format("{} has to be a whole number, not '{}'", name, text));
    return std::nullopt;
  }
  if (*value < 0 || *value > kMostTokens) {
    error(column, fmt::format("{} is {}; it has to be {} {}", name, text,
                              *value < 0 ? "at least" : "at most", *value < 0 ? 0 : kMostTokens));
    return std::nullopt;
  }
  return value;
}

bool TraceRows::add(strategies::Request request, std::size_t time_column) {
  if (!requests_.empty() && request.arrival < requests_.back().arrival) {
    error(time_column,
          fmt::format("the request arrives {:.6g} s before the one above it: sort the trace by "
                      "time of arrival",
                      (requests_.back().arrival - request.arrival).value()));
    return false;
  }
  if (requests_.size() >= kMostRequests) {
    error(1, fmt::format("the trace has more than {} requests: cut it", kMostRequests));
    throw TooManyErrors{};
  }
  request.id = static_cast<std::int64_t>(requests_.size());
  requests_.push_back(request);
  return true;
}

std::vector<strategies::Request> TraceRows::take() {
  if (requests_.empty() && errors_ == 0) {
    diagnostics_.error({lines_.path(), 1, 1}, "the trace has no requests");
  }
  if (skipped_ > 0) {
    diagnostics_.warning(
        {lines_.path(), 0, 0},
        fmt::format("{} requests of 0 tokens (failed ones) are left out", skipped_));
  }
  return std::move(requests_);
}

Trace read_trace(const std::string& path, base::Diagnostics& diagnostics) {
  TraceLines lines(path);
  base::Diagnostics found;
  TraceRows rows(lines, found);
  std::vector<strategies::Request> requests;
  try {
    std::string_view first;
    bool any = lines.next(first);
    if (any && first.starts_with("\xEF\xBB\xBF")) first.remove_prefix(3);
    const std::string header(any ? first : std::string_view());
    if (header.starts_with('{')) {
      read_mooncake_trace(header, lines, rows);
    } else if (any && is_csv_trace(header)) {
      read_csv_trace(header, lines, rows);
    } else if (!any || header.empty()) {
      rows.error(1, "the trace is empty");
    } else {
      rows.error(1, fmt::format("no trace begins like this: '{}'; known are the headers "
                                "arrival_s,input_tokens,output_tokens[,prefix_id,prefix_tokens], "
                                "TIMESTAMP,ContextTokens,GeneratedTokens (Azure), "
                                "Timestamp,Model,Request tokens,Response tokens (BurstGPT), "
                                "arrived_at,num_prefill_tokens,num_decode_tokens (Vidur) and "
                                "Mooncake's JSON lines",
                                header.substr(0, 60)));
    }
    requests = rows.take();
  } catch (const TooManyErrors&) {
  } catch (const base::InputError& error) {
    found.append(error.diagnostics());
  }
  diagnostics.append(found);
  if (found.has_errors()) return nullptr;
  return std::make_shared<const std::vector<strategies::Request>>(std::move(requests));
}

Trace TraceShelf::at(const std::string& path, base::Diagnostics& diagnostics) {
  const auto found = read_.find(path);
  if (found != read_.end()) return found->second;
  return read_[path] = read_trace(path, diagnostics);
}

}  // namespace windtunnel::scenarios
