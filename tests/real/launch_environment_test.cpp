#include "real/launch_environment.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

LaunchEnvironment read(const std::map<std::string, std::string>& variables) {
  return read_launch_environment([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

TEST(LaunchEnvironment, WithoutALauncherThereIsOneRank) {
  const LaunchEnvironment alone = read({});
  EXPECT_EQ(alone.rank, 0);
  EXPECT_EQ(alone.size, 1);
  EXPECT_EQ(alone.launcher, "none");
}

TEST(LaunchEnvironment, EachLauncherIsRead) {
  const LaunchEnvironment openmpi = read({{"OMPI_COMM_WORLD_RANK", "5"},
                                          {"OMPI_COMM_WORLD_SIZE", "16"},
                                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}});
  EXPECT_EQ(openmpi.rank, 5);
  EXPECT_EQ(openmpi.size, 16);
  EXPECT_EQ(openmpi.local_rank, 1);
  EXPECT_EQ(openmpi.local_size, 4);
  const LaunchEnvironment slurm = read({{"SLURM_PROCID", "9"},
                                        {"SLURM_NTASKS", "12"},
                                        {"SLURM_LOCALID", "1"},
                                        {"SLURM_STEP_ID", "0"},
                                        {"SLURM_JOB_ID", "77"},
                                        {"SLURM_NODEID", "1"},
                                        {"SLURM_TASKS_PER_NODE", "8,4"}});
  EXPECT_EQ(slurm.launcher, "slurm");
  EXPECT_EQ(slurm.rank, 9);
  EXPECT_EQ(slurm.local_size, 4);
  EXPECT_EQ(slurm.job, "77.0");
  EXPECT_EQ(read({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}).launcher, "pmi");
  EXPECT_EQ(read({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "1"}}).launcher, "torchrun");
}

TEST(LaunchEnvironment, ABatchScriptByItselfIsNoRank) {
  EXPECT_EQ(read({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "64"}, {"SLURM_JOB_ID", "1"}}).size, 1);
}

TEST(LaunchEnvironment, ContradictionsAreErrorsInWords) {
  EXPECT_THROW(read({{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}}), base::EnvironmentError);
  EXPECT_THROW(read({{"PMI_RANK", "x"}, {"PMI_SIZE", "2"}}), base::EnvironmentError);
}

// What every rank of a group of processes finds; 0 where all is right.
int talk(int rank, int size, const std::filesystem::path& file) {
  LaunchEnvironment environment;
  environment.rank = environment.local_rank = rank;
  environment.size = environment.local_size = size;
  const auto peers = connect_peers(environment, {.file = file, .timeout_s = 20.0});
  if (peers->rank() != rank || peers->size() != size) return 1;
  if (peers->max(rank * 10.0) != (size - 1) * 10.0) return 2;
  std::string id(128, '\0');
  if (rank == 0) id = std::string("id\0with zero", 12);
  if (peers->broadcast(id) != std::string("id\0with zero", 12)) return 3;
  const auto all = peers->gather("rank:" + std::to_string(rank));
  for (int other = 0; other < size; ++other) {
    if (all[static_cast<std::size_t>(other)] != "rank:" + std::to_string(other)) return 4;
  }
  peers->barrier();
  return 0;
}

TEST(TcpPeers, FourProcessesAgreeOverAFileWithAnAddress) {
  const auto file =
      std::filesystem::temp_directory_path() / ("windtunnel_peers_" + std::to_string(::getpid()));
  constexpr int kSize = 4;
  std::vector<pid_t> children;
  for (int rank = kSize - 1; rank >= 0; --rank) {
    const pid_t child = ::fork();
    if (child == 0) {
      int status = 9;
      try {
        status = talk(rank, kSize, file);
      } catch (const std::exception&) {
      }
      ::_exit(status);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(TcpPeers, AMissingPeerIsAnErrorAfterTheTimeout) {
  LaunchEnvironment environment;
  environment.size = environment.local_size = 2;
  const auto file = std::filesystem::temp_directory_path() /
                    ("windtunnel_peers_alone_" + std::to_string(::getpid()));
  EXPECT_THROW(connect_peers(environment, {.file = file, .timeout_s = 0.2}),
               base::EnvironmentError);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace windtunnel::real
