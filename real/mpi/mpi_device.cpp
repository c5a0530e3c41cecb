#include "real/mpi/mpi_device.hpp"

#include <fmt/format.h>

#include "real/cpu/step_point.hpp"

namespace windtunnel::real {

MpiDevice::MpiDevice(const DeviceOptions& options, std::shared_ptr<Peers> peers)
    : CpuDevice(options, std::move(peers)) {}

std::vector<Benchmark> MpiDevice::benchmarks(Verb verb, const Selection& selection) {
  if (verb == Verb::collective) return mpi_collective_benchmarks(selection, peers().size());
  if (verb == Verb::step) return mpi_step_benchmarks(peers().rank(), peers().size());
  return {};
}

Fields MpiDevice::identity() const {
  Fields out = CpuDevice::identity();
  set_field(out, "stack", mpi_library_version());
  return out;
}

ClockState MpiDevice::clocks() {
  ClockState state = CpuDevice::clocks();
  const int preempted = stopwatch_.take_preempted();
  if (preempted > 0) state.throttled = fmt::format("{} batches preempted, taken again", preempted);
  return state;
}

std::vector<Benchmark> mpi_step_benchmarks(int rank, int ranks) {
  Benchmark out{"step", {}};
  const AverageGradients average = [ranks](std::vector<float>& gradients) {
    MPI_Allreduce(MPI_IN_PLACE, gradients.data(), static_cast<int>(gradients.size()), MPI_FLOAT,
                  MPI_SUM, MPI_COMM_WORLD);
    const float scale = 1.0F / static_cast<float>(ranks);
    for (float& value : gradients) value *= scale;
  };
  for (const MlpShape& shape : mlp_shapes())
    out.points.push_back(mlp_step_point(
        {.shape = shape, .threads = 1, .rank = rank, .ranks = ranks, .average = average}));
  return {out};
}

}  // namespace windtunnel::real
