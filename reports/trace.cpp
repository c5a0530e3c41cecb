#include "reports/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/escape.hpp"
#include "reports/lanes.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

// Microseconds with the nanoseconds as decimals: exact, where a double would not be.
std::string microseconds(std::int64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

std::string_view name_of(const TrackSpan& span) {
  return span.label.empty() ? to_text(span.kind) : std::string_view(span.label);
}

class TraceWriter {
 public:
  std::string write(const Result& result) {
    out_ = "{\"displayTimeUnit\": \"ns\",\n \"otherData\": {";
    out_ += fmt::format("\"tool\": {}, \"seed\": {}",
                        json_string("windtunnel " + result.tool_version), result.seed);
    for (const ScenarioRecord& scenario : result.scenarios) {
      out_ += fmt::format(", {}: {}", json_string("scenario " + scenario.name),
                          json_string(scenario.sha256));
    }
    out_ += "},\n \"traceEvents\": [";
    for (const ResultCase& one : result.cases) {
      const base::Table* timeline = table(one, "timeline");
      if (timeline != nullptr) write_case(one.name, lay_out(*timeline));
    }
    return out_ + "\n ]}\n";
  }

 private:
  void event(const std::string& members) {
    out_ += first_ ? "\n  {" : ",\n  {";
    first_ = false;
    out_ += members + "}";
  }

  void metadata(const char* name, std::size_t thread, const std::string& arguments) {
    event(fmt::format(R"("ph": "M", "name": "{}", "pid": {}, "tid": {}, "args": {{{}}})", name,
                      process_, thread, arguments));
  }

  void write_case(const std::string& name, const Lanes& lanes) {
    ++process_;
    metadata("process_name", 0, "\"name\": " + json_string(name));
    metadata("process_sort_index", 0, fmt::format("\"sort_index\": {}", process_));
    for (std::size_t t = 0; t < lanes.tracks.size(); ++t) {
      const std::size_t thread = t + 1;
      metadata("thread_name", thread, "\"name\": " + json_string(lanes.tracks[t].name));
      metadata("thread_sort_index", thread, fmt::format("\"sort_index\": {}", thread));
      for (const TrackSpan& span : lanes.tracks[t].spans) write_span(span, thread);
    }
    for (const Flow& flow : lanes.flows) write_flow(lanes, flow);
  }

  void write_span(const TrackSpan& span, std::size_t thread) {
    std::string arguments;
    const auto add = [&](std::string_view key, const std::string& value) {
      arguments += fmt::format("{}\"{}\": {}", arguments.empty() ? "" : ", ", key, value);
    };
    if (!span.peer.empty()) add("peer", json_string(span.peer));
    if (std::isfinite(span.bytes)) add("bytes", fmt::format("{}", span.bytes));
    event(fmt::format(
        R"("ph": "X", "name": {}, "cat": "{}", "pid": {}, "tid": {}, "ts": {}, "dur": {}, "args": {{{}}})",
        json_string(name_of(span)), to_text(span.kind), process_, thread,
        microseconds(span.start_ns), microseconds(span.end_ns - span.start_ns), arguments));
  }

  // An arrow is bound to the span that encloses its time on its thread: the start of the send, and
  // the start of the receive or, if that was posted earlier, the moment the send began.
  void write_flow(const Lanes& lanes, const Flow& flow) {
    const TrackSpan& send = lanes.tracks[flow.from_track].spans[flow.from_span];
    const TrackSpan& receive = lanes.tracks[flow.to_track].spans[flow.to_span];
    const std::int64_t arrival = std::max(send.start_ns, receive.start_ns);
    const bool enclosed = arrival < receive.end_ns && send.end_ns > send.start_ns;
    if (!enclosed) return;
    ++flow_;
    std::string common = fmt::format(R"("name": {}, "cat": "message", "id": {}, "pid": {})",
                                     json_string(name_of(send)), flow_, process_);
    if (std::isfinite(send.bytes))
      common += fmt::format(R"(, "args": {{"bytes": {}}})", send.bytes);
    event(fmt::format(R"("ph": "s", {}, "tid": {}, "ts": {})", common, flow.from_track + 1,
                      microseconds(send.start_ns)));
    event(fmt::format(R"("ph": "f", "bp": "e", {}, "tid": {}, "ts": {})", common, flow.to_track + 1,
                      microseconds(arrival)));
  }

  std::string out_;
  bool first_ = true;
  std::size_t process_ = 0;
  std::size_t flow_ = 0;
};

}  // namespace

bool has_timeline(const Result& result) {
  return std::any_of(result.cases.begin(), result.cases.end(),
                     [](const ResultCase& one) { return table(one, "timeline") != nullptr; });
}

std::string to_trace(const Result& result) {
  return TraceWriter().write(result);
}

}  // namespace windtunnel::reports
