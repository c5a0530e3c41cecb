// The cores of one machine as ranks of MPI: collectives, and data-parallel MLP steps.
#pragma once

#include <memory>
#include <vector>

#include "real/cpu/cpu_device.hpp"
#include "real/mpi/mpi_peers.hpp"
#include "real/mpi/mpi_stopwatch.hpp"

namespace windtunnel::real {

std::vector<Benchmark> mpi_collective_benchmarks(const Selection& selection, int ranks);
std::vector<Benchmark> mpi_step_benchmarks(int rank, int ranks);

class MpiDevice : public CpuDevice {
 public:
  MpiDevice(const DeviceOptions& options, std::shared_ptr<Peers> peers);
  std::vector<Benchmark> benchmarks(Verb verb, const Selection& selection) override;
  Fields identity() const override;
  ClockState clocks() override;
  Stopwatch& stopwatch() override { return stopwatch_; }

 private:
  MpiStopwatch stopwatch_;
};

}  // namespace windtunnel::real
