#include "sim/base/unit_text.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/base/random.hpp"

namespace windtunnel::base {
namespace {

double value_of(std::string_view text, Dimension dimension) {
  const ParsedQuantity parsed = parse_quantity(text, dimension);
  const double* value = std::get_if<double>(&parsed);
  EXPECT_NE(value, nullptr) << text;
  return value != nullptr ? *value : std::nan("");
}

std::string complaint(std::string_view text, Dimension dimension) {
  const ParsedQuantity parsed = parse_quantity(text, dimension);
  const UnitError* error = std::get_if<UnitError>(&parsed);
  return error != nullptr ? error->message : "";
}

TEST(UnitText, BitsAreAnEighthOfBytes) {
  EXPECT_DOUBLE_EQ(value_of("400Gb/s", Dimension::bandwidth), 50e9);
  EXPECT_DOUBLE_EQ(value_of("50GB/s", Dimension::bandwidth), 50e9);
}

TEST(UnitText, BinaryAndDecimalPrefixesDiffer) {
  EXPECT_DOUBLE_EQ(value_of("80GiB", Dimension::bytes), 80.0 * 1024 * 1024 * 1024);
  EXPECT_DOUBLE_EQ(value_of("80GB", Dimension::bytes), 80e9);
}

TEST(UnitText, OneBlankBeforeTheUnitIsAllowed) {
  EXPECT_DOUBLE_EQ(value_of("312 TFLOP/s", Dimension::flop_rate), 312e12);
  EXPECT_DOUBLE_EQ(value_of("1.5 us", Dimension::time), 1.5e-6);
}

TEST(UnitText, MoneyStandsBeforeItsNumber) {
  EXPECT_DOUBLE_EQ(value_of("$3600/h", Dimension::money_rate), 1.0);
  EXPECT_DOUBLE_EQ(value_of("$0.1/kWh", Dimension::money_per_energy), 0.1 / 3.6e6);
}

TEST(UnitText, ABareNumberIsAnErrorThatNamesTheSpellings) {
  EXPECT_EQ(complaint("400", Dimension::bandwidth),
            "'400' needs a unit: write 400Gb/s (bits) or 50GB/s (bytes)");
}

TEST(UnitText, NonsenseIsAnErrorAndNeverAValue) {
  for (const char* text : {"", " ", "abc", "12parsecs", "1e999GB", "nanGB", "infGB", "4 GB GB", "-",
                           "1e", "0x10GB", "GB"}) {
    EXPECT_NE(complaint(text, Dimension::bytes), "") << text;
  }
}

TEST(UnitText, ExactTextReadsBackToTheSameNumber) {
  RandomStream random(1, "exact");
  for (int i = 0; i < 2000; ++i) {
    const double value = std::pow(10.0, random.uniform(-9, 15));
    for (const Dimension dimension : {Dimension::time, Dimension::bytes, Dimension::bandwidth,
                                      Dimension::flop_rate, Dimension::money_rate}) {
      EXPECT_EQ(value_of(exact_text(value, dimension), dimension), value);
    }
  }
}

TEST(UnitText, SizesAreWrittenAsNcclTestsUsersWriteThem) {
  EXPECT_EQ(to_size_text(Bytes(8)), "8B");
  EXPECT_EQ(to_size_text(Bytes(65536)), "64KiB");
  EXPECT_EQ(to_size_text(Bytes(1.5 * 1024 * 1024)), "1.5MiB");
  EXPECT_EQ(to_size_text(Bytes(1000003)), "1000003B");
}

TEST(UnitText, PeopleGetFourDigits) {
  EXPECT_EQ(to_text(Seconds(0.0012341)), "1.234 ms");
  EXPECT_EQ(to_text(BytesPerSecond(46.8e9)), "46.8 GB/s");
  EXPECT_EQ(to_text(Seconds(0)), "0 ns");
}

}  // namespace
}  // namespace windtunnel::base
