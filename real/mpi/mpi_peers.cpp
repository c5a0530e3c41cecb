#include "real/mpi/mpi_peers.hpp"

#include <numeric>

namespace windtunnel::real {

MpiSession::MpiSession(int& argc, char**& argv) {
  MPI_Init(&argc, &argv);
}
MpiSession::~MpiSession() {
  MPI_Finalize();
}

int MpiPeers::rank() const {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

int MpiPeers::size() const {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

void MpiPeers::barrier() {
  MPI_Barrier(MPI_COMM_WORLD);
}

double MpiPeers::max(double value) {
  double most = value;
  MPI_Allreduce(&value, &most, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return most;
}

std::string MpiPeers::broadcast(const std::string& from_rank_0) {
  int length = static_cast<int>(from_rank_0.size());
  MPI_Bcast(&length, 1, MPI_INT, 0, MPI_COMM_WORLD);
  std::string text = from_rank_0;
  text.resize(static_cast<std::size_t>(length));
  MPI_Bcast(text.data(), length, MPI_CHAR, 0, MPI_COMM_WORLD);
  return text;
}

std::vector<std::string> MpiPeers::gather(const std::string& mine) {
  const auto ranks = static_cast<std::size_t>(size());
  const int length = static_cast<int>(mine.size());
  std::vector<int> lengths(ranks), starts(ranks);
  MPI_Allgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, MPI_COMM_WORLD);
  std::exclusive_scan(lengths.begin(), lengths.end(), starts.begin(), 0);
  std::string all(static_cast<std::size_t>(starts.back() + lengths.back()), '\0');
  MPI_Allgatherv(mine.data(), length, MPI_CHAR, all.data(), lengths.data(), starts.data(), MPI_CHAR,
                 MPI_COMM_WORLD);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < ranks; ++i)
    out.push_back(
        all.substr(static_cast<std::size_t>(starts[i]), static_cast<std::size_t>(lengths[i])));
  return out;
}

std::string mpi_library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string whole(text, static_cast<std::size_t>(length));
  std::string version = whole.substr(0, whole.find(','));
  if (const std::size_t v = version.find(" v"); v != std::string::npos) version.erase(v + 1, 1);
  return version;
}

}  // namespace windtunnel::real
