// Runs SimGrid's MPI simulator on an exported platform, as a witness that shares no code with our
// engines.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "sim/platform/network.hpp"
#include "sim/platform/simgrid_platform.hpp"

namespace windtunnel::collectives::testing {

inline bool has_smpi() {
  return std::filesystem::exists("/usr/bin/smpirun");
}

// A fresh directory below the test's temporary one, removed at the end.
class Workplace {
 public:
  Workplace() : path_(::testing::TempDir() + "windtunnel-smpi-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Workplace() { std::filesystem::remove_all(path_); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
  }

 private:
  std::string path_;
};

// The simulated time that SMPI prints (6 digits after the point) for this trace on all GPUs;
// `options` are further --cfg options. Nothing, with the tool's output as a test failure, where it
// fails.
inline std::optional<double> smpi_seconds(const sim::Network& network, const std::string& trace,
                                          const std::string& options = "") {
  base::Diagnostics diagnostics;
  const auto platform = sim::write_simgrid_platform(network, {}, diagnostics);
  EXPECT_TRUE(platform.has_value()) << diagnostics.to_text();
  if (!platform) return std::nullopt;
  const Workplace place;
  std::string hosts;
  for (int i = 0; i < network.gpu_count(); ++i)
    hosts += network.endpoint_name(network.gpu(i)) + "\n";
  place.write("platform.xml", *platform);
  place.write("hosts.txt", hosts);
  place.write("trace.txt", trace);
  place.write("traces.txt", place.file("trace.txt") + "\n");
  const std::string command =
      "/usr/bin/smpirun -np " + std::to_string(network.gpu_count()) + " -platform " +
      place.file("platform.xml") + " -hostfile " + place.file("hosts.txt") + " -replay " +
      place.file("traces.txt") +
      " --cfg=network/model:CM02 --cfg=network/TCP-gamma:0 --cfg=network/crosstraffic:0"
      " --cfg=network/weight-S:0 --cfg=network/bandwidth-factor:1 --cfg=network/latency-factor:1"
      " --cfg=surf/precision:1e-12 --cfg=network/optim:Full --cfg=smpi/async-small-thresh:0 "
      "--cfg=smpi/send-is-detached-thresh:0"
      " --cfg=smpi/os:0:0:0:0:0 --cfg=smpi/or:0:0:0:0:0 --cfg=smpi/ois:0:0:0:0:0 "
      "--cfg=smpi/init:0 " +
      options + " 2>&1";
  std::string output;
  FILE* const pipe = ::popen(command.c_str(), "r");
  for (char buffer[4096]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) output += buffer;
  const int status = ::pclose(pipe);
  const std::string mark = "Simulation time ";
  const std::size_t at = output.find(mark);
  EXPECT_TRUE(status == 0 && at != std::string::npos) << output;
  if (at == std::string::npos) return std::nullopt;
  return std::stod(output.substr(at + mark.size()));
}

}  // namespace windtunnel::collectives::testing
