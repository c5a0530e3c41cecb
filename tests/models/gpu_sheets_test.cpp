// The GPU data sheets that ship with the program: complete, consistent, and equal to figures that
// are published elsewhere than the sheets' own sources.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <span>

#include "sim/base/embedded.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::embedded {
std::span<const base::EmbeddedFile> gpu_sheets();
}

namespace windtunnel::models {
namespace {

using base::Dimension;

double quantity(const YAML::Node& node, Dimension dimension) {
  const base::ParsedQuantity parsed = base::parse_quantity(node.as<std::string>(), dimension);
  EXPECT_TRUE(std::holds_alternative<double>(parsed)) << node.as<std::string>();
  return std::holds_alternative<double>(parsed) ? std::get<double>(parsed) : 0.0;
}

std::map<std::string, YAML::Node> sheets() {
  std::map<std::string, YAML::Node> all;
  for (const base::EmbeddedFile& file : embedded::gpu_sheets()) {
    std::string name(file.name.substr(file.name.rfind('/') + 1));
    name.resize(name.size() - std::string_view(".yaml").size());
    all[name] = YAML::Load(std::string(file.content));
  }
  return all;
}

double peak(const YAML::Node& sheet, const char* precision) {
  return quantity(sheet["peak"][precision], Dimension::flop_rate);
}

TEST(GpuSheets, EveryNameOfTheContractIsThere) {
  const auto all = sheets();
  for (const char* name : {"v100-sxm-16gb",
                           "v100-sxm-32gb",
                           "v100-pcie-16gb",
                           "t4",
                           "a100-sxm-40gb",
                           "a100-sxm-80gb",
                           "a100-pcie-80gb",
                           "h100-sxm",
                           "h100-pcie",
                           "h100-sxm-96gb-500w",
                           "h200-sxm",
                           "h800-sxm",
                           "h20",
                           "gh200",
                           "b200-sxm",
                           "b300-sxm",
                           "gb200",
                           "gb300",
                           "l40s",
                           "rtx-3090",
                           "rtx-4090",
                           "rtx-pro-6000",
                           "mi300x",
                           "mi325x",
                           "mi355x"}) {
    EXPECT_TRUE(all.contains(name)) << name;
  }
}

TEST(GpuSheets, EachHasItsNameAllItsFiguresAndASource) {
  for (const auto& [name, sheet] : sheets()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(sheet["name"].as<std::string>(), name);
    EXPECT_GT(sheet["source"].as<std::string>().size(), 15U);
    EXPECT_GE(quantity(sheet["memory"], Dimension::bytes), 16e9);
    EXPECT_GE(quantity(sheet["memory_bandwidth"], Dimension::bandwidth), 300e9);
    EXPECT_GE(quantity(sheet["pcie_bandwidth"], Dimension::bandwidth), 15e9);
    EXPECT_GE(quantity(sheet["power"], Dimension::power), 70.0);
    EXPECT_GE(quantity(sheet["l2_cache"], Dimension::bytes), 4.0 * 1024 * 1024);
    EXPECT_GE(sheet["streaming_multiprocessors"].as<int>(), 40);
    EXPECT_GT(peak(sheet, "fp32"), 0.0);
    EXPECT_GT(peak(sheet, "fp16"), 0.0);
  }
}

TEST(GpuSheets, NvlinksHaveTheRateOfTheirGeneration) {
  // GB/s of one link and direction: NVLink 2 to 4 25, NVLink 5 50, the GeForce and A40
  // bridge 14.0625; xGMI of MI300X and MI325X 64, of MI355X 76.8
  const std::set<double> rates{25e9, 50e9, 14.0625e9, 64e9, 76.8e9};
  for (const auto& [name, sheet] : sheets()) {
    const int links = sheet["nvlink_links"].as<int>();
    const double bandwidth = quantity(sheet["nvlink_bandwidth"], Dimension::bandwidth);
    EXPECT_EQ(links == 0, bandwidth == 0.0) << name;
    if (links > 0) {
      EXPECT_TRUE(rates.contains(bandwidth / links)) << name << ": " << bandwidth / links;
    }
  }
}

TEST(GpuSheets, DensePeaksDoubleWithEachHalvingOfThePrecision) {
  for (const auto& [name, sheet] : sheets()) {
    if (sheet["peak"]["bf16"]) {
      EXPECT_DOUBLE_EQ(peak(sheet, "bf16"), peak(sheet, "fp16")) << name;
    }
    if (sheet["peak"]["fp8"]) {
      EXPECT_NEAR(peak(sheet, "fp8") / peak(sheet, "fp16"), 2.0, 0.03)
          << name;  // rounded in sheets
    }
    if (sheet["peak"]["mxfp8"]) {
      EXPECT_DOUBLE_EQ(peak(sheet, "mxfp8"), peak(sheet, "fp8")) << name;
    }
  }
}

// Dense FP16 on tensor cores = clock x SMs x FLOP per SM and cycle: the sheets' own arithmetic,
// with boost clocks as published (GHz).
TEST(GpuSheets, TensorPeaksFollowFromClockAndMultiprocessors) {
  struct Part {
    const char* name;
    double clock;
    double per_cycle;
  };
  for (const Part& part :
       {Part{"v100-sxm-32gb", 1.53e9, 1024}, Part{"a100-sxm-80gb", 1.41e9, 2048},
        Part{"h100-sxm", 1.83e9, 4096}, Part{"h100-pcie", 1.62e9, 4096},
        Part{"rtx-4090", 2.52e9, 512}, Part{"rtx-3090", 1.695e9, 512}, Part{"l40s", 2.52e9, 1024},
        Part{"t4", 1.59e9, 1024}, Part{"mi300x", 2.1e9, 2048}, Part{"mi355x", 2.4e9, 4096}}) {
    const YAML::Node sheet = sheets().at(part.name);
    const double expected =
        part.clock * part.per_cycle * sheet["streaming_multiprocessors"].as<double>();
    EXPECT_NEAR(peak(sheet, "fp16") / expected, 1.0, 0.02) << part.name;
  }
}

TEST(GpuSheets, KnownFiguresAreAsPublished) {
  const auto all = sheets();
  EXPECT_DOUBLE_EQ(peak(all.at("h100-sxm"), "bf16"), 989.4e12);
  EXPECT_DOUBLE_EQ(peak(all.at("h100-pcie"), "bf16"), 756e12);
  EXPECT_DOUBLE_EQ(peak(all.at("b200-sxm"), "bf16"), 2250e12);
  EXPECT_DOUBLE_EQ(peak(all.at("gb200"), "bf16"), 2500e12);
  EXPECT_DOUBLE_EQ(peak(all.at("h20"), "bf16"), 148e12);
  EXPECT_DOUBLE_EQ(quantity(all.at("h200-sxm")["memory_bandwidth"], Dimension::bandwidth), 4.8e12);
  EXPECT_DOUBLE_EQ(quantity(all.at("h800-sxm")["nvlink_bandwidth"], Dimension::bandwidth), 200e9);
  // What the driver reports, MiB, is within 2 % of the sheet (firmware takes the rest)
  const std::map<std::string, double> reported{{"a100-sxm-80gb", 81920}, {"h100-sxm", 81559},
                                               {"h200-sxm", 143771},     {"gb200", 189471},
                                               {"b200-sxm", 183359},     {"h20", 97871}};
  for (const auto& [name, mib] : reported) {
    const double sheet = quantity(all.at(name)["memory"], Dimension::bytes);
    EXPECT_NEAR(mib * 1024 * 1024 / sheet, 1.0, 0.02) << name;
  }
}

}  // namespace
}  // namespace windtunnel::models
