// The check of the arrows catches what it is there for.
#include "tests/house/layers.hpp"

#include <gtest/gtest.h>

namespace windtunnel::house {
namespace {

TEST(Layers, AnArrowDownIsFine) {
  for (const auto& [path, target] : std::vector<std::pair<const char*, const char*>>{
           {"scenarios/cli/verb_run.cpp", "reports/json.hpp"},
           {"scenarios/study.cpp", "sim/engine/simgrid/simgrid_engine.hpp"},
           {"strategies/collective/run.cpp", "collectives/schedule.hpp"},
           {"calibration/fit.cpp", "models/gpu_sheets.hpp"},
           {"reports/page.cpp", "calibration/profile.hpp"},
           {"sim/engine/engine.hpp", "sim/platform/network.hpp"},
           {"sim/engine/simgrid/simgrid_engine.cpp", "sim/engine/event_heap.hpp"},
           {"sim/platform/network.cpp", "sim/base/quantity.hpp"},
           {"sim/base/quantity.cpp", "sim/base/quantity.hpp"},
           {"sim/base/quantity.cpp", "vector"}}) {
    EXPECT_EQ(wrong_arrow(path, target), std::nullopt) << path << " -> " << target;
  }
}

TEST(Layers, AnArrowBackUpIsCaught) {
  for (const auto& [path, target] : std::vector<std::pair<const char*, const char*>>{
           {"reports/json.cpp", "scenarios/study.hpp"},
           {"reports/json.cpp", "strategies/collective/workload.hpp"},
           {"reports/json.cpp", "collectives/schedule.hpp"},
           {"strategies/collective/run.cpp", "calibration/profile.hpp"},
           {"strategies/collective/run.cpp", "reports/result.hpp"},
           {"calibration/fit.cpp", "strategies/collective/workload.hpp"},
           {"collectives/ring.cpp", "models/op.hpp"},
           {"models/op.cpp", "collectives/schedule.hpp"},
           {"sim/engine/engine.hpp", "collectives/schedule.hpp"},
           {"sim/platform/network.cpp", "sim/engine/engine.hpp"},
           {"sim/base/quantity.hpp", "sim/platform/network.hpp"}}) {
    EXPECT_NE(wrong_arrow(path, target), std::nullopt) << path << " -> " << target;
  }
  EXPECT_EQ(wrong_arrow("sim/base/a.hpp", "sim/engine/engine.hpp"),
            "sim/base/a.hpp includes sim/engine/engine.hpp: sim/base must not know sim/engine");
}

TEST(Layers, WhatTravelsToAGpuMachineDoesNotKnowSimgrid) {
  for (const char* path : {"real/gemm.cpp", "calibration/fit.cpp", "collectives/lowering.cpp",
                           "models/op.cpp", "sim/engine/choose_engine.cpp"}) {
    EXPECT_NE(wrong_arrow(path, "sim/engine/simgrid/simgrid_engine.hpp"), std::nullopt) << path;
  }
}

TEST(Layers, NothingIncludesATest) {
  EXPECT_NE(wrong_arrow("sim/base/quantity.cpp", "tests/sim/engine/networks.hpp"), std::nullopt);
  EXPECT_EQ(wrong_arrow("tests/sim/engine/engine_test.cpp", "scenarios/study.hpp"), std::nullopt);
}

}  // namespace
}  // namespace windtunnel::house
