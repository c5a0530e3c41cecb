// Measured flows that share PCIe links, against max-min sharing: by the solver written for these
// tests and by the simgrid engine.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "sim/engine/engine.hpp"
#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "tests/sim/platform/max_min.hpp"
#include "tests/sim/platform/pcie_rows.hpp"

namespace windtunnel::sim::testing {
namespace {

constexpr double kBytes = 256e6;  // as the measurements moved
const char* const kTable = WINDTUNNEL_SOURCE_DIR "/../shared/measurements/pcie_contention.csv";

std::vector<std::string> split_csv(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

struct Measured {
  int flows = 0;
  double total = 0.0;  // GB/s
};

std::map<std::string, Measured> measured_rows() {
  std::ifstream file(kTable);
  std::map<std::string, Measured> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = split_csv(line);
    rows[cells[0]] = {std::stoi(cells[1]), std::stod(cells[3])};
  }
  return rows;
}

EndpointId endpoint(const Network& network, int gpu_or_host) {
  return gpu_or_host == kHost ? network.host(0) : network.gpu(gpu_or_host);
}

// Bytes of all flows over the time that the slowest takes, GB/s, as the measuring script divides.
double total_by_solver(const PcieRow& row) {
  const Network network(valid(row.box));
  FlowRoutes routes;
  for (const PcieFlow& flow : row.flows) {
    routes.push_back(network.route(endpoint(network, flow.from), endpoint(network, flow.to)).links);
  }
  const double seconds = makespan(network, routes, kBytes);
  return static_cast<double>(routes.size()) * kBytes / seconds / 1e9;
}

double total_by_simgrid(const PcieRow& row) {
  const std::string text = run_isolated([&row] {
    const Network network(valid(row.box));
    const auto engine = make_simgrid_engine(network, {});
    for (const PcieFlow& flow : row.flows) {
      engine->transfer({.from = endpoint(network, flow.from),
                        .to = endpoint(network, flow.to),
                        .bytes = base::Bytes{kBytes}},
                       [] {});
    }
    engine->run();
    std::ostringstream out;
    out.precision(17);
    out << engine->now().value();
    return out.str();
  });
  return static_cast<double>(row.flows.size()) * kBytes / std::stod(text) / 1e9;
}

TEST(PcieContention, MaxMinSharingGivesTheMeasuredTotals) {
  if (!std::filesystem::exists(kTable)) GTEST_SKIP() << "the measurements are not here";
  const std::map<std::string, PcieRow> rows = pcie_rows();
  int compared = 0;
  for (const auto& [name, measured] : measured_rows()) {
    if (name == "cross_chip_collapse") continue;  // a hardware defect, says the table
    ASSERT_TRUE(rows.contains(name)) << name;
    const PcieRow& row = rows.at(name);
    EXPECT_EQ(static_cast<int>(row.flows.size()), measured.flows) << name;
    const double total = total_by_solver(row);
    const double error = total / measured.total - 1.0;
    EXPECT_LE(std::abs(error), row.tolerance)
        << name << ": expected " << measured.total << " GB/s, got " << total;
    std::printf("  %-30s measured %6.1f  predicted %6.1f GB/s  %+5.1f %%\n", name.c_str(),
                measured.total, total, 100.0 * error);
    ++compared;
  }
  EXPECT_EQ(compared, 18);
}

TEST(PcieContention, TheSimgridEngineSharesAsTheSolverDoes) {
  for (const auto& [name, row] : pcie_rows()) {
    const double solver = total_by_solver(row);
    // Both are exact up to the solver's and SimGrid's rounding of the last flow's end.
    EXPECT_NEAR(total_by_simgrid(row) / solver, 1.0, 1e-6) << name;
  }
}

}  // namespace
}  // namespace windtunnel::sim::testing
