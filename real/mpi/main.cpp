// windtunnel-measure-mpi: collectives and data-parallel steps over MPI, started by windtunnel-measure
// (or by hand: mpirun -np 4 windtunnel-measure-mpi collective --device cpu --out FILE.csv).
#include "real/cli/measure.hpp"
#include "real/mpi/mpi_device.hpp"

int main(int argc, char** argv) {
  using namespace windtunnel::real;
  const MpiSession session(argc, argv);
  const auto peers = std::make_shared<MpiPeers>();
  const Program program{.devices = {{"cpu",
                                     [&](const DeviceOptions& options) {
                                       return std::make_unique<MpiDevice>(options, peers);
                                     }}},
                        .processes = Program::Processes::is_mpi};
  const int status = measure(std::vector<std::string>(argv, argv + argc), program);
  // A rank that gave up must not leave the others waiting.
  if (status > 1 && status != 130) MPI_Abort(MPI_COMM_WORLD, status);
  return status;
}
