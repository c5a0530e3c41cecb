// The ranks of MPI_COMM_WORLD as the peers of a measurement, and what else of MPI is used here.
#pragma once

#include <mpi.h>

#include <string>
#include <vector>

#include "real/peers.hpp"

namespace windtunnel::real {

// MPI_Init and MPI_Finalize; one object a program.
class MpiSession {
 public:
  MpiSession(int& argc, char**& argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
};

class MpiPeers : public Peers {
 public:
  int rank() const override;
  int size() const override;
  void barrier() override;
  double max(double value) override;
  std::string broadcast(const std::string& from_rank_0) override;
  std::vector<std::string> gather(const std::string& mine) override;
};

std::string mpi_library_version();  // "Open MPI 4.1.4"

}  // namespace windtunnel::real
