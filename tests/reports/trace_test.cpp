#include <gtest/gtest.h>

#include "reports/trace.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "reports/lanes.hpp"
#include "sim/base/random.hpp"
#include "tests/reports/sample.hpp"

namespace windtunnel::reports {
namespace {

using Json = nlohmann::json;

Result with_timeline(base::Table timeline) {
  Result result;
  result.cases.resize(1);
  result.cases[0].name = "case \"one\"";
  result.cases[0].outcome.tables["timeline"] = std::move(timeline);
  return result;
}

// Spans that overlap at random, on one participant and two channels.
base::Table random_timeline(std::size_t spans) {
  base::RandomStream random(3, "timeline");
  base::Table table{{"participant", "channel", "label", "start_s", "end_s"}, {}};
  for (std::size_t i = 0; i < spans; ++i) {
    const double start = random.uniform(0, 1e-4);
    table.rows.push_back({std::string("gpu 0"), std::int64_t(i % 2), std::string("work"), start,
                          start + random.uniform(0, 5e-6)});
  }
  return table;
}

struct Slice {
  double start;
  double end;
};
std::map<std::pair<int, int>, std::vector<Slice>> slices(const Json& trace) {
  std::map<std::pair<int, int>, std::vector<Slice>> out;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    const double start = event["ts"];
    out[{event["pid"].get<int>(), event["tid"].get<int>()}].push_back(
        {start, start + event["dur"].get<double>()});
  }
  return out;
}

TEST(Trace, NoTwoSpansOfOneThreadOverlap) {
  for (const base::Table& table : {random_timeline(500), sample::ring_timeline(8, 10)}) {
    std::size_t total = 0;
    for (auto& [thread, all] : slices(Json::parse(to_trace(with_timeline(table))))) {
      std::sort(all.begin(), all.end(),
                [](const Slice& a, const Slice& b) { return a.start < b.start; });
      // Times are whole nanoseconds printed as microseconds: 1e-6 us is far below one of them.
      for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LE(all[i - 1].end, all[i].start + 1e-6);
      total += all.size();
    }
    EXPECT_GE(total, table.rows.size());
  }
}

TEST(Trace, NeedsAsManyLanesAsSpansOverlapAtMost) {
  base::Table table{{"participant", "start_s", "end_s"}, {}};
  for (int i = 0; i < 3; ++i) table.rows.push_back({std::string("a"), 0.0, 1.0});
  table.rows.push_back({std::string("a"), 1.0, 2.0});
  EXPECT_EQ(lay_out(table).tracks.size(), 3U);
}

TEST(Trace, HasTheFieldsThatTheFormatAsksFor) {
  const Json trace = Json::parse(to_trace(with_timeline(sample::ring_timeline(4, 3))));
  std::set<std::pair<int, int>> named;
  for (const Json& event : trace["traceEvents"]) {
    EXPECT_TRUE(event.contains("ph") && event.contains("pid") && event.contains("tid") &&
                event.contains("name"));
    if (event["ph"] == "X") {
      EXPECT_TRUE(event["ts"].is_number() && event["dur"].is_number());
      EXPECT_GE(event["dur"].get<double>(), 0.0);
      EXPECT_TRUE(named.contains({event["pid"], event["tid"]}))
          << "a thread is named before its spans";
    }
    if (event["name"] == "thread_name")
      named.insert({event["pid"].get<int>(), event["tid"].get<int>()});
    if (event["name"] == "process_name") {
      EXPECT_EQ(event["args"]["name"], "case \"one\"");
    }
  }
}

TEST(Trace, EveryArrowStartsInASendAndEndsInAReceive) {
  const Json trace = Json::parse(to_trace(with_timeline(sample::ring_timeline(4, 6))));
  const auto all = slices(trace);
  std::map<int, int> starts;
  std::map<int, int> ends;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "s" && event["ph"] != "f") continue;
    ++(event["ph"] == "s" ? starts : ends)[event["id"]];
    const double at = event["ts"];
    const auto& thread = all.at({event["pid"].get<int>(), event["tid"].get<int>()});
    EXPECT_TRUE(std::any_of(thread.begin(), thread.end(),
                            [&](const Slice& s) { return s.start <= at && at < s.end; }));
  }
  EXPECT_EQ(starts.size(), 24U);  // 4 ranks, 6 rounds
  EXPECT_EQ(starts, ends);
}

TEST(Trace, SendsWithoutAReceiveInTheTableGetOneAndSendsWithOneDoNot) {
  base::Table table{
      {"participant", "kind", "peer", "label", "start_s", "end_s"},
      {{std::string("a"), std::string("send"), std::string("b"), std::string("m"), 0.0, 1.0}}};
  EXPECT_EQ(lay_out(table).tracks.size(), 2U);
  EXPECT_EQ(lay_out(table).flows.size(), 1U);
  table.rows.push_back(
      {std::string("b"), std::string("recv"), std::string("a"), std::string("m"), 0.5, 1.5});
  EXPECT_EQ(lay_out(table).tracks.size(), 2U);
  EXPECT_EQ(lay_out(table).flows.size(), 1U);
}

TEST(Trace, ArrowsCarryTheBytesOfTheirMessages) {
  base::Table table{{"participant", "kind", "peer", "label", "bytes", "start_s", "end_s"},
                    {{std::string("a"), std::string("send"), std::string("b"), std::string("m"),
                      2097152.0, 0.0, 1.0}}};
  std::size_t arrows = 0;
  const Json trace = Json::parse(to_trace(with_timeline(table)));
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "s" && event["ph"] != "f") continue;
    EXPECT_EQ(event["args"]["bytes"], 2097152.0);
    ++arrows;
  }
  EXPECT_EQ(arrows, 2U);
}

TEST(Trace, OfAResultWithoutTimelinesIsEmptyButValid) {
  EXPECT_FALSE(has_timeline(sample::unknown_workload()));
  EXPECT_TRUE(Json::parse(to_trace(sample::unknown_workload()))["traceEvents"].empty());
}

TEST(Trace, RowsThatAreNoSpansAreCountedNotDrawn) {
  const base::Table table{{"participant", "start_s", "end_s"},
                          {{std::string("a"), 1.0, 0.5},
                           {std::string(), 0.0, 1.0},
                           {std::string("a"), base::Cell{}, 1.0}}};
  EXPECT_EQ(lay_out(table).skipped, 3U);
  EXPECT_TRUE(lay_out(table).tracks.empty());
}

TEST(NaturalOrder, ComparesNumbersAsNumbers) {
  EXPECT_TRUE(natural_less("rank 2", "rank 10"));
  EXPECT_FALSE(natural_less("rank 10", "rank 2"));
  EXPECT_TRUE(natural_less("node1.gpu9", "node1.gpu10"));
  EXPECT_FALSE(natural_less("a", "a"));
  EXPECT_TRUE(natural_less("a", "ab"));
}

}  // namespace
}  // namespace windtunnel::reports
