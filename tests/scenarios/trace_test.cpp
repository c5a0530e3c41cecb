// Traces of requests: every public format, and what is wrong with a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <zlib.h>

#include <chrono>
#include <string>

#include "scenarios/traces/read_trace.hpp"
#include "scenarios/traces/trace_rows.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Seconds;
using testing::HasSubstr;

struct Read {
  Trace trace;
  base::Diagnostics diagnostics;
};

Read read_text(std::string_view text, const std::string& name = "trace.csv") {
  const WorkingFolder folder;
  folder.write(name, text);
  Read out;
  out.trace = read_trace(name, out.diagnostics);
  return out;
}

TEST(Traces, OwnFormatKeepsItsTimesAndPrefixes) {
  const Read read = read_text(
      "arrival_s,input_tokens,output_tokens,prefix_id,prefix_tokens\n"
      "1.5,100,10,7,64\n\n2,50,1,,\r\n");
  ASSERT_NE(read.trace, nullptr) << read.diagnostics.to_text();
  ASSERT_EQ(read.trace->size(), 2);
  EXPECT_EQ(read.trace->front().arrival, Seconds(1.5));
  EXPECT_EQ(read.trace->front().prefix_id, 7);
  EXPECT_EQ(read.trace->front().prefix_tokens, 64);
  EXPECT_EQ(read.trace->back().prefix_id, -1);
  EXPECT_EQ(read.trace->back().id, 1);
}

TEST(Traces, AzuresDatesOfBothYearsCountFromTheFirst) {
  const Read old = read_text(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 23:59:59.5000000,374,44\n"
      "2023-11-17 00:00:01.7500000,396,109");
  ASSERT_NE(old.trace, nullptr) << old.diagnostics.to_text();
  EXPECT_EQ(old.trace->front().arrival, Seconds(0));
  EXPECT_NEAR(old.trace->back().arrival.value(), 2.25, 1e-6);
  const Read recent = read_text(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n");
  ASSERT_NE(recent.trace, nullptr) << recent.diagnostics.to_text();
  EXPECT_EQ(recent.trace->front().input_tokens, 2162);
}

TEST(Traces, BurstGptLeavesOutFailedRequestsAndSaysSo) {
  const Read read = read_text(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,API log\n"
      "118,GPT-4,417,276,693,Conversation log\n");
  ASSERT_NE(read.trace, nullptr) << read.diagnostics.to_text();
  EXPECT_EQ(read.trace->size(), 2);
  EXPECT_EQ(read.trace->back().arrival, Seconds(113));
  EXPECT_THAT(read.diagnostics.to_text(), HasSubstr("1 requests of 0 tokens"));
}

TEST(Traces, MooncakesBlocksBecomeTheLongestPrefixThatAnotherRequestHasToo) {
  const Read read = read_text(
      R"({"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 48]}
{"timestamp": 30535, "input_length": 1400, "output_length": 26, "hash_ids": [46, 47, 2353]}
{"timestamp": 30535, "input_length": 300, "output_length": 1, "hash_ids": [9]}
)",
      "trace.jsonl");
  ASSERT_NE(read.trace, nullptr) << read.diagnostics.to_text();
  const auto& requests = *read.trace;
  EXPECT_NEAR(requests[1].arrival.value(), 3.053, 1e-9);
  EXPECT_EQ(requests[0].prefix_tokens, 1024);
  EXPECT_EQ(requests[0].prefix_id, requests[1].prefix_id);
  EXPECT_EQ(requests[2].prefix_id, -1);
}

TEST(Traces, AGzippedFileIsReadAsItIs) {
  const WorkingFolder folder;
  gzFile file = gzopen("trace.csv.gz", "wb");
  gzputs(file, "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.3,396,109\n");
  gzclose(file);
  base::Diagnostics diagnostics;
  const Trace trace = read_trace("trace.csv.gz", diagnostics);
  ASSERT_NE(trace, nullptr) << diagnostics.to_text();
  EXPECT_EQ(trace->size(), 2);
}

TEST(Traces, OneRequestIsATrace) {
  EXPECT_EQ(read_text("arrival_s,input_tokens,output_tokens\n0,1,1").trace->size(), 1);
}

TEST(Traces, AFileThatIsNoTraceIsAnErrorInOneSentence) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "the trace is empty"},
           {"arrival_s,input_tokens,output_tokens\n", "the trace has no requests"},
           {"time,in,out\n1,2,3\n", "no trace begins like this: 'time,in,out'"},
           {"arrival_s,input_tokens,output_tokens,prefix_id\n0,1,1,1\n", "come together"},
           {"{\"timestamp\": 1}\n", "the request has no 'input_length'"},
           {"{\"timestamp\": 1\n", "the line is no JSON object"}}) {
    const Read read = read_text(text);
    EXPECT_EQ(read.trace, nullptr) << text;
    EXPECT_THAT(read.diagnostics.to_text(), HasSubstr(message)) << text;
  }
}

TEST(Traces, EachRowThatIsWrongIsNamedByLineAndColumn) {
  const Read read = read_text(
      "arrival_s,input_tokens,output_tokens\n0.5,100,10\n0.2,100,10\nNaN,100,10\n1.5,-3,10\n"
      "2,100,0\n3,100\n4,10.5,7\n");
  EXPECT_EQ(read.diagnostics.to_text(),
            "trace.csv:3:1: error: the request arrives 0.3 s before the one above it: sort the "
            "trace by time of arrival\n"
            "trace.csv:4:1: error: arrival_s has to be a number, not 'NaN'\n"
            "trace.csv:5:5: error: input_tokens is -3; it has to be at least 0\n"
            "trace.csv:6:7: error: output_tokens is 0; it has to be at least 1\n"
            "trace.csv:7:1: error: 2 values, where the header has 3\n"
            "trace.csv:8:3: error: input_tokens has to be a whole number, not '10.5'\n");
}

TEST(Traces, AFileOfErrorsIsNotReadToItsEnd) {
  std::string text = "arrival_s,input_tokens,output_tokens\n";
  for (int i = 0; i < 100000; ++i) text += "nan,-1,x\n";
  const Read read = read_text(text);
  EXPECT_EQ(read.trace, nullptr);
  EXPECT_LE(read.diagnostics.error_count(), 20);
}

TEST(Traces, DatesThatAreNoneAreRefused) {
  EXPECT_TRUE(seconds_of_date("2024-02-29 12:00:00"));
  for (const char* text : {"2023-02-29 12:00:00", "2023-11-16", "2023-11-16 25:00:00", "yesterday",
                           "2023-11-16 12:00:00 CET"}) {
    EXPECT_FALSE(seconds_of_date(text)) << text;
  }
}

// A million rows have to be a matter of a second; sanitizers and slow machines get ten.
TEST(Traces, MillionsOfRowsAreReadInSeconds) {
  std::string text = "arrival_s,input_tokens,output_tokens\n";
  for (int i = 0; i < 1000000; ++i) text += std::to_string(i) + ".25,512,128\n";
  const auto start = std::chrono::steady_clock::now();
  const Read read = read_text(text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  ASSERT_NE(read.trace, nullptr);
  EXPECT_EQ(read.trace->size(), 1000000);
}

}  // namespace
}  // namespace windtunnel::scenarios
