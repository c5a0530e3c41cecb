#include "calibration/measurement.hpp"

#include <gtest/gtest.h>

#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

const char* const kHeader =
    "kind,op,bytes,ranks,nodes,gpus_per_node,algorithm,protocol,time_s,gpu,fabric,interconnect,"
    "launch,source\n";

// Out of line: GCC 12 warns falsely about the bounds of inlined string concatenation.
[[gnu::noinline]] std::string csv(std::string_view rows) {
  std::string text = kHeader;
  text.append(rows);
  return text;
}

TEST(MeasurementCsv, ReadsACollectiveRowWithQuotedCommas) {
  const Measurements read =
      read_measurements(csv("collective,all_reduce,1048576,16,2,8,ring,LL128,1.5e-4,h100-sxm,lab,"
                            "\"IB 8x400Gb/s, two \"\"rails\"\"\","
                            "per_gpu_process,here\n"),
                        "rows.csv");
  ASSERT_EQ(read.collectives.size(), 1u) << read.diagnostics.to_text();
  const CollectiveMeasurement& row = read.collectives[0];
  EXPECT_EQ(row.op, collectives::Op::all_reduce);
  EXPECT_EQ(row.algorithm, collectives::Algorithm::ring);
  EXPECT_EQ(row.protocol, collectives::Protocol::ll128);
  EXPECT_EQ(row.ranks(), 16);
  EXPECT_DOUBLE_EQ(row.time.value(), 1.5e-4);
  EXPECT_EQ(row.interconnect, "IB 8x400Gb/s, two \"rails\"");
  EXPECT_EQ(read.files[0].format, "measurement CSV");
  EXPECT_EQ(read.files[0].sha256.size(), 64u);
}

TEST(MeasurementCsv, ToleratesAByteOrderMarkCarriageReturnsCommentsAndUnknownColumns) {
  const Measurements read = read_measurements(
      "\xEF\xBB\xBF# made by "
      "hand\r\n\r\nkind,op,bytes,ranks,time_s,mood\r\ncollective,broadcast,8,4,2e-5,good\r\n",
      "rows.csv");
  ASSERT_EQ(read.collectives.size(), 1u) << read.diagnostics.to_text();
  EXPECT_EQ(read.collectives[0].nodes, 1);
  EXPECT_EQ(read.collectives[0].gpus_per_node, 4);
  EXPECT_EQ(read.collectives[0].origin.line, 4);
}

TEST(MeasurementCsv, ListsWhatItSkipsWithAReason) {
  const Measurements read =
      read_measurements(csv("collective,all_reduce,8,16,2,8,,,,h100-sxm,lab,,,\n"
                            "collective,all_reduce,8,16,2,8,,,-1,h100-sxm,lab,,,\n"
                            "collective,all_redoce,8,16,2,8,,,1e-5,h100-sxm,lab,,,\n"
                            "collective,all_reduce,8,15,2,8,,,1e-5,h100-sxm,lab,,,\n"
                            "gemm,,,,,,,,1e-3,h100-sxm,,,,\n"),
                        "rows.csv");
  EXPECT_TRUE(read.collectives.empty());
  ASSERT_EQ(read.skipped.size(), 4u);
  EXPECT_EQ(read.skipped[0].reason, "time_s is blank");
  EXPECT_EQ(read.skipped[0].origin.line, 2);
  EXPECT_NE(read.skipped[2].reason.find("all_redoce"), std::string::npos);
  EXPECT_NE(read.skipped[3].reason.find("do not agree"), std::string::npos);
  ASSERT_EQ(read.other.size(), 1u);
  EXPECT_EQ(read.other[0].kind, "gemm");
}

TEST(MeasurementCsv, AnUnknownAlgorithmIsAWarningAndCountsAsNotStated) {
  const Measurements read = read_measurements(
      csv("collective,all_reduce,8,16,2,8,magic,,1e-5,h100-sxm,lab,,,\n"), "rows.csv");
  ASSERT_EQ(read.collectives.size(), 1u);
  EXPECT_EQ(read.collectives[0].algorithm, collectives::Algorithm::automatic);
  EXPECT_NE(read.diagnostics.to_text().find("rows.csv:2: warning: unknown algorithm 'magic'"),
            std::string::npos);
}

TEST(MeasurementCsv, DamageIsReportedWhereItStands) {
  const Measurements open_quote =
      read_measurements(csv("collective,all_reduce,8,\"16"), "rows.csv");
  EXPECT_NE(open_quote.diagnostics.to_text().find("rows.csv:2:25: error"), std::string::npos)
      << open_quote.diagnostics.to_text();
  const Measurements wide = read_measurements("kind,op\ncollective,all_reduce,8\n", "rows.csv");
  EXPECT_TRUE(wide.diagnostics.has_errors());
  const Measurements twice = read_measurements("kind,op,op\n", "rows.csv");
  EXPECT_NE(twice.diagnostics.to_text().find("stands twice"), std::string::npos);
}

TEST(Measurements, ContentThatIsNothingKnownIsAnErrorAndAMissingFileIsTheEnvironments) {
  EXPECT_TRUE(read_measurements("hello\n", "x.csv").diagnostics.has_errors());
  EXPECT_TRUE(read_measurements("", "x.csv").diagnostics.has_errors());
  EXPECT_TRUE(read_measurements(std::string("\0\1\2", 3), "x.csv").diagnostics.has_errors());
  EXPECT_THROW(read_measurement_file("/no/such/file.csv"), base::EnvironmentError);
}

TEST(Filters, OneColumnMayTakeSeveralValuesAndColumnsMustAllHold) {
  std::string text = kHeader;
  for (const int nodes : {1, 2, 4, 8, 16}) {
    for (const char* op : {"all_reduce", "all_gather"})
      text += std::string("collective,") + op + ",8,," + std::to_string(nodes) +
              ",4,,,1e-5,gh200,alps,,,\n";
  }
  const auto kept = [&](std::vector<Filter> filters) {
    Measurements read = read_measurements(text, "rows.csv");
    apply_filters(read, filters);
    return read.collectives.size();
  };
  EXPECT_EQ(kept({{"nodes", "2"}}), 2u);
  EXPECT_EQ(kept({{"nodes", "1"}, {"nodes", "2"}}), 4u);
  EXPECT_EQ(kept({{"nodes", "1,2,4,8"}, {"op", "all_reduce"}}), 4u);
  EXPECT_EQ(kept({{"nodes<", "8"}}), 8u);
  EXPECT_EQ(kept({{"nodes>", "2"}, {"nodes<", "8"}}), 6u);
  EXPECT_EQ(kept({{"op!", "all_reduce"}}), 5u);
  Measurements read = read_measurements(text, "rows.csv");
  apply_filters(read, {{"node", "2"}});
  EXPECT_NE(read.diagnostics.to_text().find("did you mean 'nodes'"), std::string::npos);
}

}  // namespace
}  // namespace windtunnel::calibration
