#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/table.hpp"

#include <cmath>
#include <sstream>

#include "reports/csv.hpp"
#include "reports/escape.hpp"
#include "reports/markdown.hpp"
#include "reports/text_layout.hpp"
#include "reports/unit.hpp"
#include "tests/reports/sample.hpp"

namespace windtunnel::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::vector<Result> all_samples() {
  return {sample::collective_sweep(), sample::single_case(),      sample::validation(40),
          sample::calibration(),      sample::unknown_workload(), Result{}};
}

TEST(Units, AreReadFromTheEndOfTheKey) {
  EXPECT_EQ(unit_of("time_s"), Unit::seconds);
  EXPECT_EQ(unit_of("busbw_bytes_per_s"), Unit::bytes_per_second);
  EXPECT_EQ(unit_of("tokens_per_s"), Unit::per_second);
  EXPECT_EQ(unit_of("bytes"), Unit::bytes);
  EXPECT_EQ(unit_of("memory_total_bytes"), Unit::bytes);
  EXPECT_EQ(unit_of("median_abs_error"), Unit::fraction);
  EXPECT_EQ(unit_of("standard_error"), Unit::plain);
  EXPECT_EQ(unit_of("slowdown"), Unit::factor);
  EXPECT_EQ(unit_of("ranks"), Unit::plain);
  EXPECT_EQ(unit_of("steps"), Unit::plain);
  EXPECT_EQ(unit_of("workload.size"), Unit::plain);
}

TEST(Units, NumbersArePrintedForPeople) {
  EXPECT_EQ(value_text(1.2344e-3, Unit::seconds), "1.234 ms");
  EXPECT_EQ(value_text(0.99999e-3, Unit::seconds), "1.000 ms");
  EXPECT_EQ(value_text(5e-10, Unit::seconds), "0.5000 ns");
  EXPECT_EQ(value_text(0, Unit::seconds), "0 s");
  EXPECT_EQ(value_text(46.8e9, Unit::bytes_per_second), "46.80 GB/s");
  EXPECT_EQ(value_text(65536, Unit::bytes), "64KiB");
  EXPECT_EQ(value_text(1.4e6, Unit::bytes), "1.335 MiB");
  EXPECT_EQ(value_text(0.125, Unit::fraction), "12.5 %");
  EXPECT_EQ(value_text(128, Unit::plain), "128");
  EXPECT_EQ(value_text(std::nan(""), Unit::seconds), "-");
}

TEST(Bands, AreOneNumberWhereTheSidesAreAlikeAndTwoWhereTheyAreNot) {
  EXPECT_EQ(band_text(1.0, {0.88, 1.12, 0.9}), "±12%");
  EXPECT_EQ(band_text(1.0, {0.92, 1.15, 0.9}), "-8/+15%");
  EXPECT_EQ(band_text(1.0, {1.0, 1.0, 0.9}), "");
  EXPECT_EQ(band_text(0.0, {0.0, 1.0, 0.9}), "");
}

TEST(TerminalTable, KeepsToTheWidthAndHasNoTrailingBlanks) {
  for (const Result& result : all_samples()) {
    for (const int width : {60, 80, 100, 160}) {
      for (const std::string& line : lines(to_text(result, {.width = width}))) {
        EXPECT_LE(display_width(line), static_cast<std::size_t>(width)) << line;
        EXPECT_THAT(line, Not(::testing::EndsWith(" ")));
      }
    }
  }
}

TEST(TerminalTable, OfACollectiveShowsTimesWinnersCrossoversAndReasons) {
  const std::string text = to_text(sample::collective_sweep(), {.width = 200});
  EXPECT_THAT(text,
              HasSubstr("all_reduce, 128 ranks: in_network is fastest up to 4MiB, "
                        "double_binary_tree from 16MiB to 256MiB and ring from 1GiB upwards."));
  EXPECT_THAT(text, HasSubstr("crossover: in_network -> double_binary_tree at 13.59 MiB"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "in_network: infeasible at 1GiB: the buffers of the reducing switches hold 256MiB"));
  EXPECT_THAT(text, HasSubstr("* fastest of its row"));
  EXPECT_THAT(text, HasSubstr("time rests on: extrapolated"));
  EXPECT_THAT(text, HasSubstr("warning: no profile speaks about in_network"));
}

TEST(TerminalTable, LeavesWarningsOutWhereTheyGoToStderr) {
  EXPECT_THAT(to_text(sample::collective_sweep(), {.warnings = Warnings::left_out}),
              Not(HasSubstr("warning")));
}

TEST(TerminalTable, HasColourOnlyWhereAskedAndTheSameTextEitherWay) {
  const std::string plain = to_text(sample::collective_sweep());
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  std::string colored = to_text(sample::collective_sweep(), {.color = Color::on});
  EXPECT_THAT(colored, HasSubstr("\x1b["));
  std::string stripped;
  for (std::size_t i = 0; i < colored.size(); ++i) {
    if (colored[i] == '\x1b') {
      i = colored.find('m', i);
    } else {
      stripped += colored[i];
    }
  }
  EXPECT_EQ(stripped, plain);
}

TEST(TerminalTable, NeverPassesOnControlSequencesOfNames) {
  Result result = sample::unknown_workload();
  result.cases[1].name = "\x1b[31mred\r\nline";
  result.cases[0].outcome.reason = "\x1b]0;title\x07";
  EXPECT_THAT(to_text(result), Not(HasSubstr("\x1b")));
}

TEST(TerminalTable, MarksNoWinnerAmongOneAlgorithm) {
  Result result = sample::collective_sweep();
  std::erase_if(result.cases,
                [](const ResultCase& one) { return one.name.find("ring") == std::string::npos; });
  EXPECT_THAT(to_text(result), Not(HasSubstr(" *")));
}

TEST(TerminalTable, OfASweepOverRanksAtOneSizeHasOneRowARankCount) {
  Result result = sample::collective_sweep();
  std::vector<ResultCase> cases;
  for (const double ranks : {8.0, 16.0, 32.0}) {
    for (const std::size_t pick : {std::size_t{0}, std::size_t{11}}) {
      ResultCase one = result.cases[pick];
      one.parameters.emplace_back("cluster.nodes", static_cast<std::int64_t>(ranks / 8));
      one.outcome.facts["ranks"] = ranks;
      cases.push_back(one);
    }
  }
  result.cases = cases;
  result.tables.clear();
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("all_reduce of 1KiB"));
  EXPECT_THAT(text, HasSubstr("ranks"));
  EXPECT_THAT(text, HasSubstr("is fastest at every rank count"));
}

// The ring cases of the sample on 1, 2 and 4 nodes.
Result one_algorithm_on_three_clusters() {
  Result result = sample::collective_sweep();
  const std::vector<ResultCase> all = result.cases;
  result.cases.clear();
  result.tables.clear();
  for (const std::int64_t nodes : {1, 2, 4}) {
    for (std::size_t i = 0; i < 5; ++i) {
      ResultCase one = all[i];
      one.parameters.emplace_back("cluster.nodes", nodes);
      one.outcome.facts["ranks"] = static_cast<double>(8 * nodes);
      result.cases.push_back(one);
    }
  }
  return result;
}

TEST(TerminalTable, OfOneAlgorithmOnSeveralClustersHasOneColumnACluster) {
  const std::string text = to_text(one_algorithm_on_three_clusters(), {.width = 160});
  EXPECT_THAT(text, HasSubstr("all_reduce, ring"));
  EXPECT_THAT(text, HasSubstr("nodes = 4, 32 ranks"));
  EXPECT_THAT(text, Not(HasSubstr(" *"))) << "a cluster does not win against another";
}

TEST(TerminalTable, OfSeveralFabricsAtOneSizeHasOneRowAFabric) {
  Result result = sample::collective_sweep();
  const std::vector<ResultCase> all = result.cases;
  result.cases.clear();
  result.tables.clear();
  for (const char* fabric : {"torus", "rail"}) {
    for (const std::size_t i : {std::size_t{0}, std::size_t{11}}) {
      result.cases.push_back(all[i]);
      result.cases.back().parameters.emplace_back("cluster.fabric.kind", std::string(fabric));
    }
  }
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("kind = torus"));
  EXPECT_THAT(text, HasSubstr("double_binary_tree is fastest for 2 variants"));
}

TEST(TerminalTable, AWinnerInsideTheBandOfARivalIsMarkedAsUncertainEvenWithoutABandOfItsOwn) {
  Result result = sample::collective_sweep();
  std::vector<ResultCase> cases{result.cases[8], result.cases[19]};  // ring and tree at one size
  cases[0].outcome.facts["time_s"] = 1.0e-3;
  cases[0].outcome.bands.clear();
  cases[1].outcome.facts["time_s"] = 1.1e-3;
  cases[1].outcome.bands["time_s"] = {0.8e-3, 1.5e-3, 0.9};
  result.cases = cases;
  result.tables.clear();
  EXPECT_THAT(to_text(result), HasSubstr("1.000 ms ~"));
}

TEST(TerminalTable, CutsLongNamesInTheMiddleWhereTheyAreAlike) {
  EXPECT_EQ(cut("all_reduce ring 1MiB nodes=16", 15), "all_red…odes=16");
  EXPECT_LE(display_width(cut("漢字漢字漢字", 7)), 7U);
  EXPECT_EQ(cut("short", 15), "short");
}

TEST(TerminalTable, ExpectationsThatFailAreCountedInTheSummary) {
  Result result = sample::single_case();
  result.tables["expectations"] = {
      {"scenario", "case", "fact", "expected", "got", "deviation", "verdict", "source"},
      {{std::string("s"), std::string("c"), std::string("time_s"), std::string("1 ms"), 2e-3, 1.0,
        std::string("FAILS"), std::string("paper")}}};
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("1 of 1 expectation FAILS."));
  EXPECT_THAT(text, HasSubstr("2.000 ms"));
  EXPECT_THAT(text, HasSubstr("100.0 %"));
}

TEST(TerminalTable, OfAnUnknownWorkloadShowsWhatVariesAndWhyCasesFail) {
  const std::string text = to_text(sample::unknown_workload());
  EXPECT_THAT(text, HasSubstr("strategy.tensor"));
  EXPECT_THAT(text, HasSubstr("iteration time"));
  EXPECT_THAT(text, HasSubstr("strategy.tensor=1: out of memory: 120 GiB of 80 GiB"));
}

TEST(Markdown, RowsHaveAsManyCellsAsTheHeader) {
  for (const Result& result : all_samples()) {
    std::size_t expected = 0;
    for (const std::string& line : lines(to_markdown(result))) {
      std::size_t bars = 0;
      for (std::size_t i = 0; i < line.size(); ++i)
        bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1U : 0U;
      if (bars == 0) {
        expected = 0;
      } else {
        if (expected == 0) expected = bars;
        EXPECT_EQ(bars, expected) << line;
      }
    }
  }
}

TEST(Markdown, TakesTheMeaningFromWhatNamesHold) {
  Result result = sample::unknown_workload();
  result.scenarios[0].name = "a|b *c* <script>";
  EXPECT_THAT(to_markdown(result), HasSubstr("# a\\|b \\*c\\* \\<script\\>"));
}

// A reader of RFC 4180, independent of the writer.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows{{""}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      rows.back().back() += '"', ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      rows.back().emplace_back();
    } else if (!quoted && c == '\n') {
      rows.emplace_back(1);
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();
  return rows;
}

TEST(Csv, HasOneRowACaseAndTheSameNumberOfFieldsInEach) {
  for (const Result& result : all_samples()) {
    const auto rows = parse_csv(to_csv(result));
    ASSERT_EQ(rows.size(), result.cases.size() + 1);
    for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  }
}

TEST(Csv, ColumnsComeInTheirStatedOrderWithUnitsAndFullNumbers) {
  const auto rows = parse_csv(to_csv(sample::single_case()));
  EXPECT_THAT(rows[0], ::testing::ElementsAre(
                           "case", "workload.op", "workload.algorithm", "workload.size", "engine",
                           "status", "reason", "algbw_bytes_per_s", "algorithm",
                           "busbw_bytes_per_s", "bytes", "lower_bound_s", "protocol", "ranks",
                           "steps", "time_s", "low_time_s", "high_time_s", "events"));
  EXPECT_EQ(std::stod(rows[1][15]), sample::single_case().cases[0].outcome.facts.at("time_s"));
}

TEST(Csv, FieldsWithCommasQuotesAndLineBreaksComeBackAsTheyWere) {
  Result result = sample::unknown_workload();
  result.cases[0].outcome.reason = "a, \"b\"\nc";
  EXPECT_EQ(parse_csv(to_csv(result))[1][4], "a, \"b\"\nc");
}

TEST(Escaping, ReplacesEveryIllFormedSequenceOfUtf8) {
  EXPECT_EQ(valid_utf8("ok ± 漢"), "ok ± 漢");
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\xEF\xBF\xBD\xEF\xBF\xBD");          // overlong
  EXPECT_EQ(valid_utf8("\xed\xa0\x80").find('\xed'), std::string::npos);  // surrogate
  EXPECT_EQ(valid_utf8("a\xe2\x82"), "a\xEF\xBF\xBD\xEF\xBF\xBD");        // cut
}

TEST(Escaping, CountsWideAndCombiningCharactersAsTerminalsDo) {
  EXPECT_EQ(display_width("±"), 1U);
  EXPECT_EQ(display_width("漢字"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);
}

}  // namespace
}  // namespace windtunnel::reports
