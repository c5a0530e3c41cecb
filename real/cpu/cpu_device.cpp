#include "real/cpu/cpu_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "real/cpu/cpu_benchmarks.hpp"
#include "real/cpu/kernels.hpp"

namespace windtunnel::real {
namespace {

// The value of the first line of /proc/cpuinfo that begins with `key`; "" where there is none.
std::string cpu_info(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(':');
    if (line.rfind(key, 0) == 0 && colon != std::string::npos && colon + 2 <= line.size())
      return line.substr(colon + 2);
  }
  return "";
}

int cores() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace

std::string cpu_stack(int threads) {
  return fmt::format("eigen {} {} {} thread{}", WINDTUNNEL_EIGEN_VERSION, cpu_kernels().name,
                     threads, threads == 1 ? "" : "s");
}

std::vector<int> thread_counts(const Selection& selection) {
  if (selection.threads > 0) return {selection.threads};
  if (cores() == 1) return {1};
  return {1, cores()};
}

CpuDevice::CpuDevice(const DeviceOptions& options, std::shared_ptr<Peers> peers)
    : options_(options), peers_(std::move(peers)) {}

std::vector<Benchmark> CpuDevice::benchmarks(Verb verb, const Selection& selection) {
  switch (verb) {
    case Verb::gemm:
      return cpu_gemm_benchmarks(selection);
    case Verb::memory:
      return cpu_memory_benchmarks(selection);
    case Verb::launch:
      return cpu_launch_benchmarks(selection);
    case Verb::step:
      return cpu_step_benchmarks(selection);
    case Verb::attention:
    case Verb::copy:
    case Verb::interference:
    case Verb::collective:
      return {};
  }
  return {};
}

Fields CpuDevice::identity() const {
  return {{"gpu", options_.name.empty() ? "cpu" : options_.name},
          {"stack", cpu_stack(1)},
          {"device_name", fmt::format("{}, {} cores", cpu_info("model name"), cores())}};
}

ClockState CpuDevice::clocks() {
  ClockState state;
  state.clock_mhz = std::atof(cpu_info("cpu MHz").c_str());
  // Asked before and after a point: what is said is of the samples between.
  const int preempted = stopwatch_.take_preempted();
  if (preempted > 0) state.throttled = fmt::format("{} batches preempted", preempted);
  return state;
}

std::unique_ptr<MeasuringDevice> make_cpu_device(const DeviceOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace windtunnel::real
