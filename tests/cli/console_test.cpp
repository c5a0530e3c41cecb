// Progress text and small tables, without a process.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "scenarios/cli/format.hpp"
#include "scenarios/cli/progress.hpp"

namespace windtunnel::tests {
namespace {

namespace cli = scenarios::cli;

TEST(ProgressText, EstimatesTheTimeLeftFromTheRateSoFar) {
  EXPECT_EQ(cli::progress_text(25, 100, 5.0), "25/100 cases  25 %  15 s left");
  EXPECT_EQ(cli::progress_text(0, 100, 5.0), "0/100 cases  0 %");
  EXPECT_EQ(cli::progress_text(100, 100, 5.0), "100/100 cases  100 %");
}

TEST(ProgressText, DurationsAreInTheUnitsOfPeople) {
  EXPECT_EQ(cli::duration_text(0.25), "250 ms");
  EXPECT_EQ(cli::duration_text(59.6), "1 min 0 s");
  EXPECT_EQ(cli::duration_text(200), "3 min 20 s");
  EXPECT_EQ(cli::duration_text(7500), "2 h 5 min");
}

const base::Table kTable{
    .columns = {"name", "bytes", "note"},
    .rows = {{std::string("a"), std::int64_t{1048576}, std::string("x, \"y\"")},
             {std::string("b|c"), 2.5, std::monostate{}}}};

TEST(Listing, CsvQuotesWhatNeedsIt) {
  EXPECT_EQ(cli::render(kTable, cli::Format::csv),
            "name,bytes,note\na,1048576,\"x, \"\"y\"\"\"\nb|c,2.5,\n");
}

TEST(Listing, JsonIsAListOfObjectsWithNumbersInFull) {
  const auto parsed = nlohmann::json::parse(cli::render(kTable, cli::Format::json));
  ASSERT_EQ(parsed.size(), 2U);
  EXPECT_EQ(parsed[0]["bytes"], 1048576);
  EXPECT_TRUE(parsed[1]["note"].is_null());
}

TEST(Listing, MarkdownKeepsACellOneCell) {
  const std::string text = cli::render(kTable, cli::Format::markdown);
  EXPECT_EQ(std::count(text.begin(), text.end(), '|'), 4 * 4 + 1) << text;
  EXPECT_NE(text.find("b\\|c"), std::string::npos);
}

TEST(Listing, ATableHasNoTrailingBlanks) {
  const std::string text = cli::render(kTable, cli::Format::table);
  EXPECT_EQ(text.find(" \n"), std::string::npos) << text;
}

}  // namespace
}  // namespace windtunnel::tests
