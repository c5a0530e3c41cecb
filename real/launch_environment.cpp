#include "real/launch_environment.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "calibration/csv.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

// One launcher's names; the first two must be there for it to count.
struct Names {
  std::string launcher, rank, size, local_rank, local_size, job;
};

std::optional<int> whole_number(const GetEnvironment& get, const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto text = get(name);
  if (!text) return std::nullopt;
  const auto value = calibration::number(*text);
  if (!value || *value < 0 || *value > 1e7 || *value != static_cast<int>(*value))
    throw base::EnvironmentError(fmt::format("{}='{}' is not a whole number", name, *text));
  return static_cast<int>(*value);
}

std::vector<Names> launchers(const GetEnvironment& get) {
  std::vector<Names> out = {
      {"openmpi", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
       "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_MCA_ess_base_jobid"},
      {"pmi", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_JOBID"}};
  // Without a step this is the batch script itself: one process, whatever SLURM_NTASKS says.
  if (get("SLURM_STEP_ID"))
    out.push_back({"slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "", "SLURM_JOB_ID"});
  out.push_back(
      {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID"});
  return out;
}

// "4(x2),3" of SLURM_TASKS_PER_NODE: how many tasks the node of `node` (from 0) has; 0: not said.
int slurm_tasks_of_node(const std::string& text, int node) {
  int at = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t times = part.find("(x");
    const int tasks = std::atoi(part.c_str());
    at += times == std::string::npos ? 1 : std::atoi(part.c_str() + times + 2);
    if (node < at) return tasks;
    begin = end + 1;
  }
  return 0;
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

LaunchEnvironment read_launch_environment(const GetEnvironment& get) {
  LaunchEnvironment out;
  for (const Names& names : launchers(get)) {
    const auto rank = whole_number(get, names.rank);
    const auto size = whole_number(get, names.size);
    if (!rank || !size) continue;
    if (*rank >= *size)
      throw base::EnvironmentError(
          fmt::format("{}={} is not below {}={}", names.rank, *rank, names.size, *size));
    out.launcher = names.launcher;
    out.rank = *rank;
    out.size = *size;
    out.local_rank = whole_number(get, names.local_rank).value_or(0);
    out.local_size = whole_number(get, names.local_size).value_or(0);
    out.job = get(names.job).value_or("");
    if (out.launcher == "slurm") {
      const auto node = whole_number(get, "SLURM_NODEID");
      const auto tasks = get("SLURM_TASKS_PER_NODE");
      if (node && tasks) out.local_size = slurm_tasks_of_node(*tasks, *node);
      out.job += "." + get("SLURM_STEP_ID").value_or("");
    }
    return out;
  }
  return out;
}

}  // namespace windtunnel::real
