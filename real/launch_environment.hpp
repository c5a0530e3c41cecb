// Which rank this process is, from what its launcher put into the environment: no MPI needed.
//
// Read, first that is complete wins: OpenMPI (OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE),
// MPICH and Intel MPI (PMI_RANK, PMI_SIZE, MPI_LOCALRANKID), Slurm (SLURM_PROCID, SLURM_NTASKS,
// SLURM_LOCALID, with SLURM_STEP_ID set: an sbatch script's own shell is not a rank), torchrun (RANK,
// WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "real/peers.hpp"

namespace windtunnel::real {

struct LaunchEnvironment {
  int rank = 0, size = 1;
  int local_rank = 0, local_size = 1;  // on this node; 0: not said
  std::string launcher = "none";       // "openmpi", "pmi", "slurm", "torchrun"
  std::string job;                     // tells this job from others of the same user
};

using GetEnvironment = std::function<std::optional<std::string>(const std::string&)>;
std::optional<std::string> process_environment(const std::string& name);

// Throws EnvironmentError where the variables contradict each other (rank not below size).
LaunchEnvironment read_launch_environment(const GetEnvironment& get = process_environment);

// How ranks find rank 0: its address is MASTER_ADDR:MASTER_PORT where both are set, else rank 0
// listens on a free port and writes "host:port" into `file`, which every rank must be able to see
// (one node: any path; several: a shared file system). Rank 0 removes the file once all are in.
struct Rendezvous {
  std::filesystem::path file;
  double timeout_s = 60.0;
};

// A star of TCP connections around rank 0. One process: NoPeers. Throws EnvironmentError when a peer
// does not come in time.
std::unique_ptr<Peers> connect_peers(const LaunchEnvironment& environment,
                                     const Rendezvous& rendezvous);

}  // namespace windtunnel::real
