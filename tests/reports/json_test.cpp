#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/json.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/random.hpp"
#include "tests/reports/sample.hpp"

namespace windtunnel::reports {
namespace {

using ::testing::HasSubstr;

std::string errors_of(const std::string& text) {
  try {
    read_json(text, "r.json");
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "read without an error";
}

Result with_fact(const std::string& name, double value) {
  Result result;
  result.cases.resize(1);
  result.cases[0].name = "one";
  result.cases[0].outcome.facts[name] = value;
  return result;
}

TEST(ResultJson, HasTheKeysOfTheContract) {
  const auto json = nlohmann::json::parse(to_json(sample::collective_sweep()));
  EXPECT_EQ(json["schema"], "windtunnel.result/1");
  EXPECT_EQ(json["tool"]["version"], "0.1.0");
  EXPECT_EQ(json["scenario"]["name"], "ring-vs-tree");
  EXPECT_EQ(json["seed"], 1);
  const auto& one = json["cases"][0];
  for (const char* key : {"name", "parameters", "engine", "status", "reason", "facts", "bands",
                          "rests_on", "tables", "wall_s", "events"}) {
    EXPECT_TRUE(one.contains(key)) << key;
  }
  EXPECT_EQ(one["facts"]["algorithm"], "ring");  // a word among the facts
  EXPECT_EQ(one["bands"]["time_s"]["level"], 0.9);
  EXPECT_EQ(json["fact_info"]["time_s"]["unit"], "s");
  EXPECT_EQ(json["tables"]["crossovers"]["rows"].size(), 2U);
}

TEST(ResultJson, ReadingBackWhatWasWrittenAndWritingItAgainGivesTheSameBytes) {
  for (const Result& result : {sample::collective_sweep(), sample::validation(50),
                               sample::calibration(), sample::unknown_workload(), Result{}}) {
    const std::string text = to_json(result);
    EXPECT_EQ(to_json(read_json(text, "r.json")), text);
  }
}

TEST(ResultJson, EveryFiniteDoubleComesBackBitForBit) {
  base::RandomStream random(1, "doubles");
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random.next());
    if (!std::isfinite(value)) continue;
    const Result back = read_json(to_json(with_fact("x", value)), "r.json");
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back.cases[0].outcome.facts.at("x")),
              std::bit_cast<std::uint64_t>(value))
        << value;
  }
}

TEST(ResultJson, CellsKeepTheirType) {
  Result result = with_fact("x", 1);
  result.tables["t"] = {{"a", "b", "c", "d"},
                        {{std::int64_t{2}, 2.0, std::string("2"), base::Cell{}}}};
  const Result back = read_json(to_json(result), "r.json");
  EXPECT_EQ(back.tables.at("t").rows, result.tables.at("t").rows);
}

TEST(ResultJson, NumbersThatAreNotFiniteBecomeNullWithAWarning) {
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const std::string text = to_json(with_fact("time_s", bad));
    const auto json = nlohmann::json::parse(text);
    EXPECT_TRUE(json["cases"][0]["facts"]["time_s"].is_null());
    ASSERT_EQ(json["warnings"].size(), 1U);
    EXPECT_THAT(json["warnings"][0].get<std::string>(),
                HasSubstr("case 'one': time_s is not a finite number"));
    EXPECT_EQ(to_json(read_json(text, "r.json")), text);  // and is warned of once only
  }
}

TEST(ResultJson, TablesAboveTheLimitGiveColumnsAndRowCountOnly) {
  const Result result = sample::validation(10'001);
  const auto small = nlohmann::json::parse(to_json(result, {.most_rows = kRowsOnStdout}));
  const auto& table = small["cases"][0]["tables"]["rows"];
  EXPECT_EQ(table["row_count"], 10'001);
  EXPECT_FALSE(table.contains("rows"));
  EXPECT_EQ(table["columns"].size(), 11U);
  const auto full = nlohmann::json::parse(to_json(result));
  EXPECT_EQ(full["cases"][0]["tables"]["rows"]["rows"].size(), 10'001U);
  const Result back = read_json(small.dump(), "r.json");
  EXPECT_THAT(back.warnings,
              ::testing::ElementsAre(HasSubstr("table 'rows' is not in this file (10001 rows)")));
}

TEST(ResultJson, SeveralScenariosAreAListAndEachCaseNamesItsOwn) {
  Result result = sample::single_case();
  EXPECT_FALSE(nlohmann::json::parse(to_json(result)).contains("scenarios"));
  result.scenarios.push_back({"other", "other.yaml", "00"});
  result.cases[0].scenario = "other";
  const auto json = nlohmann::json::parse(to_json(result));
  EXPECT_FALSE(json.contains("scenario"));
  EXPECT_EQ(json["scenarios"].size(), 2U);
  EXPECT_EQ(json["cases"][0]["scenario"], "other");
  EXPECT_EQ(read_json(json.dump(), "r.json").scenarios.size(), 2U);
}

TEST(ResultJson, TextThatIsNoUtf8OrHoldsControlCharactersStillGivesValidJson) {
  Result result = with_fact("x", 1);
  result.cases[0].name = "a\xff\"\\\n\x01\x7f b";
  const auto json = nlohmann::json::parse(to_json(result));
  EXPECT_EQ(json["cases"][0]["name"], "a\xEF\xBF\xBD\"\\\n\x01\x7f b");
}

TEST(ResultJson, UnknownFieldsAreIgnored) {
  auto json = nlohmann::ordered_json::parse(to_json(sample::single_case()));
  json["forecast"] = {{"facts", nullptr}};
  json["cases"][0]["novel"] = {1, 2, 3};
  EXPECT_EQ(to_json(read_json(json.dump(), "r.json")), to_json(sample::single_case()));
}

TEST(ResultJson, ErrorsNameLineColumnAndPathAllAtOnce) {
  const std::string text =
      "{\"schema\": \"windtunnel.result/1\", \"seed\": -1,\n"
      " \"cases\": [\n"
      "  {\"name\": 7, \"status\": \"fine\",\n"
      "   \"facts\": {\"a\": [1], \"time_s\": true}}\n"
      " ]}";
  const std::string errors = errors_of(text);
  EXPECT_THAT(errors,
              HasSubstr("r.json:1:43: error: seed: expected a whole number that is not negative"));
  EXPECT_THAT(errors,
              HasSubstr("r.json:3:12: error: cases[0].name: expected a text, found a number"));
  EXPECT_THAT(
      errors,
      HasSubstr(
          "r.json:3:25: error: cases[0].status: expected \"ok\", \"infeasible\" or \"failed\""));
  EXPECT_THAT(errors,
              HasSubstr("r.json:4:19: error: cases[0].facts.a: expected a number, found a list"));
  EXPECT_THAT(
      errors,
      HasSubstr(
          "r.json:4:34: error: cases[0].facts.time_s: expected a number, found true or false"));
}

TEST(ResultJson, TextThatIsNoResultIsRefusedWithASentence) {
  EXPECT_THAT(errors_of(""), HasSubstr("the file ends in the middle"));
  EXPECT_THAT(errors_of("{\"a\": 1"), HasSubstr("r.json:1:8: error: the file ends in the middle"));
  EXPECT_THAT(errors_of("[1, 2]"), HasSubstr("expected an object, found a list"));
  EXPECT_THAT(errors_of("{\n \"a\" 1}"), HasSubstr("r.json:2:6: error: this is not JSON"));
  EXPECT_THAT(errors_of("{}"), HasSubstr("this is no result: the key 'schema'"));
  EXPECT_THAT(errors_of("{\"schema\": \"windtunnel.result/9\", \"cases\": []}"),
              HasSubstr("this program reads \"windtunnel.result/1\", not \"windtunnel.result/9\""));
  EXPECT_THAT(errors_of("{\"schema\": \"windtunnel.result/1\"}"),
              HasSubstr("the key 'cases' is missing"));
  EXPECT_THAT(errors_of("{\"schema\": \"windtunnel.result/1\", \"cases\": [], \"cases\": []}"),
              HasSubstr("'cases' stands twice"));
  EXPECT_THAT(errors_of("{\"schema\": 1e999}"), HasSubstr("too large"));
  EXPECT_THAT(errors_of("\xff\xfe"), HasSubstr("this is not JSON"));
}

TEST(ResultJson, RaggedTablesAreAnErrorAtTheirRow) {
  EXPECT_THAT(errors_of("{\"schema\": \"windtunnel.result/1\", \"cases\": [],\n\"tables\": {\"t\": "
                        "{\"columns\": [\"a\", \"b\"],\n\"rows\": [[1, 2],\n[1]]}}}"),
              HasSubstr("r.json:4:1: error: tables.t.rows[1]: 1 cells in a table of 2 columns"));
}

TEST(ResultJson, DamagedTextIsRefusedOrReadButNeverCrashes) {
  const std::string whole = to_json(sample::single_case());
  base::RandomStream random(5, "damage");
  for (int i = 0; i < 300; ++i) {
    std::string text = whole;
    for (int k = 0; k < 3; ++k) {
      const auto at =
          static_cast<std::size_t>(random.below(static_cast<std::int64_t>(text.size())));
      if (k == 0) text[at] = static_cast<char>(random.below(256));
      if (k == 1) text.erase(at, static_cast<std::size_t>(random.below(20)));
      if (k == 2 && i % 3 == 0) text.resize(at);
    }
    try {
      to_json(read_json(text, "r.json"));
    } catch (const base::InputError&) {
      continue;  // refused, with a position
    }
  }
}

TEST(ResultJson, AFileThatCannotBeReadIsTheEnvironmentsFault) {
  EXPECT_THROW(read_json_file("/nonexistent/result.json"), base::EnvironmentError);
  EXPECT_THROW(read_json_file("/"), base::EnvironmentError);
}

}  // namespace
}  // namespace windtunnel::reports
