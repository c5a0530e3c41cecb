// The readers behind profiler_output.hpp, one a format. Internal.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "calibration/kernels/profiler_output.hpp"

namespace windtunnel::calibration {

void read_nvbandwidth(const nlohmann::json& root, const std::filesystem::path& path,
                      ProfilerRows& out);
void read_nvbench(const nlohmann::json& root, const std::filesystem::path& path, ProfilerRows& out);
void read_kineto(const nlohmann::json& root, const std::filesystem::path& path, ProfilerRows& out);
void read_nsight(const std::filesystem::path& path, ProfilerRows& out);

}  // namespace windtunnel::calibration
