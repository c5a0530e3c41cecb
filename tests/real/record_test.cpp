// The measurement file being written: what stands in it is read back, and whatever cut it off costs
// one point at most.
#include "real/record.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "calibration/measurement.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::real {
namespace {

class Record : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("windtunnel_record_" + std::to_string(::getpid()) + ".csv");
    std::filesystem::remove(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string text() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write_text(const std::string& text) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << text;
  }
  static Fields row(const std::string& point) {
    return {{"kind", "gemm"}, {"m", "64"},           {"n", "32"},         {"k", "16"},
            {"gpu", "cpu"},   {"precision", "fp32"}, {"time_s", "1e-05"}, {"point", point}};
  }

  std::filesystem::path path_;
};

TEST_F(Record, RowsAreReadBackByCalibrationWithEveryField) {
  {
    MeasurementWriter writer(path_);
    Fields fields = row("a");
    set_field(fields, "command", "windtunnel-measure gemm, \"quoted\"\nsecond line");
    writer.write(fields);
  }
  const auto read = calibration::read_measurement_file(path_);
  EXPECT_FALSE(read.diagnostics.has_errors()) << read.diagnostics.to_text();
  ASSERT_EQ(read.other.size(), 1u);
  EXPECT_EQ(read.other[0].kind, "gemm");
  EXPECT_EQ(read.other[0].field("m"), "64");
  EXPECT_EQ(read.other[0].field("command"), "windtunnel-measure gemm, \"quoted\" second line");
}

TEST_F(Record, PointsOfAnEarlierRunAreKnown) {
  { MeasurementWriter(path_).write(row("a")); }
  MeasurementWriter again(path_);
  EXPECT_TRUE(again.has("a"));
  EXPECT_FALSE(again.has("b"));
  EXPECT_FALSE(again.repaired());
}

// Cut after every byte: nothing but whole rows survives, and the file can be gone on with.
TEST_F(Record, AFileCutOffAnywhereIsRepaired) {
  {
    MeasurementWriter writer(path_);
    writer.write(row("a"));
    writer.write(row("b"));
  }
  const std::string whole = text();
  for (std::size_t cut = 0; cut <= whole.size(); cut += cut < whole.size() - 200 ? 37 : 1) {
    write_text(whole.substr(0, cut));
    {
      MeasurementWriter writer(path_);
      EXPECT_EQ(writer.has("b"), cut == whole.size()) << cut;
      for (const char* point : {"a", "b"}) {
        if (!writer.has(point)) writer.write(row(point));
      }
    }
    EXPECT_EQ(text(), whole) << "cut after " << cut << " bytes";
  }
}

TEST_F(Record, AForeignFileIsLeftUntouched) {
  const std::string foreign = "kind,m,n\ngemm,1,2\n";
  write_text(foreign);
  EXPECT_THROW(MeasurementWriter{path_}, base::InputError);
  EXPECT_EQ(text(), foreign);
}

TEST_F(Record, ASecondWriterIsRefused) {
  const MeasurementWriter first(path_);
  EXPECT_THROW(MeasurementWriter{path_}, base::EnvironmentError);
}

TEST_F(Record, AFileThatCannotBeWrittenIsSaidWithItsReason) {
  try {
    const MeasurementWriter writer("/nowhere/at/all.csv");
    FAIL() << "no error";
  } catch (const base::EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/at/all.csv': No such file"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(Record, AColumnThatNobodyDeclaredIsABug) {
  MeasurementWriter writer(path_);
  EXPECT_THROW(writer.write({{"kind", "gemm"}, {"colour", "blue"}}), base::ContractViolation);
}

TEST(PointId, DependsOnThePointTheGpuAndTheStackAndOnNothingElse) {
  const Fields point = {{"kind", "gemm"}, {"m", "1"}};
  const Fields identity = {{"gpu", "h200-sxm"}, {"stack", "cublas 13"}, {"driver", "580"}};
  Fields other_driver = identity, other_stack = identity, other_point = point, blank = point;
  set_field(other_driver, "driver", "590");
  set_field(other_stack, "stack", "cublas 12");
  set_field(other_point, "m", "2");
  set_field(blank, "batch", "");
  EXPECT_EQ(point_id(point, identity), point_id(point, other_driver));
  EXPECT_EQ(point_id(point, identity), point_id(blank, identity));
  EXPECT_NE(point_id(point, identity), point_id(point, other_stack));
  EXPECT_NE(point_id(point, identity), point_id(other_point, identity));
}

}  // namespace
}  // namespace windtunnel::real
