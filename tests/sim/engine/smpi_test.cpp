// SMPI, SimGrid's MPI, as an independent witness: it replays the same messages on the exported
// platform.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sim/platform/simgrid_platform.hpp"
#include "tests/sim/engine/networks.hpp"

namespace windtunnel::sim::testing {
namespace {

namespace fs = std::filesystem;

struct Message {
  int from;
  int to;
};
constexpr std::int64_t kBytes = 200'000'000;  // long enough for the six digits that SMPI prints

bool smpirun_is_installed() {
  return std::system("smpirun -version > /dev/null 2>&1") == 0;
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

// Every rank posts its receives, then its sends, then waits for all of them.
void write_case(const fs::path& folder, const Network& network,
                const std::vector<Message>& messages) {
  base::Diagnostics diagnostics;
  write_file(folder / "platform.xml", write_simgrid_platform(network, {}, diagnostics).value());
  const int ranks = network.gpu_count();
  std::vector<std::string> traces;
  for (int rank = 0; rank < ranks; ++rank) traces.push_back(std::to_string(rank) + " init\n");
  const auto add = [&](int rank, const char* action, int other) {
    traces[static_cast<std::size_t>(rank)] += std::to_string(rank) + " " + action + " " +
                                              std::to_string(other) + " 0 " +
                                              std::to_string(kBytes) + " 6\n";
  };
  for (const Message& message : messages) add(message.to, "irecv", message.from);
  for (const Message& message : messages) add(message.from, "isend", message.to);
  std::string index;
  std::string hosts;
  for (int rank = 0; rank < ranks; ++rank) {
    const fs::path file = folder / ("trace" + std::to_string(rank));
    const std::string name = std::to_string(rank);
    write_file(file,
               traces[static_cast<std::size_t>(rank)] + name + " waitall\n" + name + " finalize\n");
    index += file.string() + "\n";
    hosts += network.endpoint_name(network.gpu(rank)) + "\n";
  }
  write_file(folder / "traces", index);
  write_file(folder / "hosts", hosts);
}

// The simulated time that smpirun prints at the end of a replay, or -1.
double replay(const fs::path& folder, int ranks) {
  const std::string command =
      "cd '" + folder.string() + "' && smpirun -np " + std::to_string(ranks) +
      " -hostfile hosts -platform platform.xml -replay traces --cfg=network/model:CM02"
      " --cfg=network/TCP-gamma:0 --cfg=network/crosstraffic:0 --cfg=network/weight-S:0"
      " --cfg=network/bandwidth-factor:1 --cfg=network/latency-factor:1"
      " --cfg=surf/precision:1e-12 --cfg=network/optim:Full --log=smpi_replay.thresh:info 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return -1;
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  ::pclose(pipe);
  const std::string mark = "Simulation time ";
  const std::size_t at = output.rfind(mark);
  return at == std::string::npos ? -1 : std::stod(output.substr(at + mark.size()));
}

double smpi_time(const Network& network, const std::vector<Message>& messages) {
  std::string name = (fs::temp_directory_path() / "windtunnel-smpi-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return -1;
  write_case(name, network, messages);
  const double time = replay(name, network.gpu_count());
  fs::remove_all(name);
  return time;
}

double our_time(const Network& network, const std::vector<Message>& messages) {
  return on_engine(EngineKind::simgrid, network, [&](Engine& engine) {
    for (const auto& [from, to] : messages) {
      engine.transfer({network.gpu(from), network.gpu(to), Bytes(kBytes)}, [] {});
    }
    engine.run();
    return std::vector<double>{engine.now().value()};
  })[0];
}

std::vector<Message> all_to_all(int ranks) {
  std::vector<Message> messages;
  for (int from = 0; from < ranks; ++from) {
    for (int hop = 1; hop < ranks; ++hop) messages.push_back({from, (from + hop) % ranks});
  }
  return messages;
}

// Near and far neighbours at once: shares that differ by latency decide.
std::vector<Message> near_and_far(int ranks) {
  std::vector<Message> messages;
  for (int from = 0; from < ranks; ++from) {
    for (const int hop : {1, 3, ranks / 2}) messages.push_back({from, (from + hop) % ranks});
  }
  return messages;
}

class Smpi : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!smpirun_is_installed()) GTEST_SKIP() << "smpirun is not installed";
  }
  static void expect_same_time(const Network& network, const std::vector<Message>& messages) {
    const double smpi = smpi_time(network, messages);
    ASSERT_GT(smpi, 0) << "the replay failed";
    // Six decimals of about 0.05 s and more; the issue asks for 0.5 %.
    EXPECT_NEAR(our_time(network, messages) / smpi, 1.0, 1e-4);
  }
};

TEST_F(Smpi, GivesTheSameTimeForAllToAllThroughOversubscribedUplinks) {
  expect_same_time(network_of(fat_tree_cluster(16, 10, 4)), all_to_all(16));
}

TEST_F(Smpi, GivesTheSameTimeForAllToAllOnANonBlockingFatTree) {
  expect_same_time(network_of(fat_tree_cluster(16, 8, 1)), all_to_all(16));
}

TEST_F(Smpi, GivesTheSameTimeForNearAndFarNeighboursAtOnce) {
  expect_same_time(network_of(fat_tree_cluster(16, 8, 1)), near_and_far(16));
}

TEST_F(Smpi, GivesTheSameTimeOverNvlinkAndNics) {
  Cluster cluster = fat_tree_cluster(4, 8, 2);
  cluster.node.gpus = 4;
  cluster.node.scale_up = {
      .kind = ScaleUpKind::nvswitch, .bandwidth = BytesPerSecond(450e9), .latency = Seconds(1e-6)};
  cluster.node.nics.count = 4;
  expect_same_time(network_of(cluster), all_to_all(16));
}

}  // namespace
}  // namespace windtunnel::sim::testing
