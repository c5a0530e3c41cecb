#include "scenarios/gpu_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace windtunnel::scenarios {
namespace {

// A GPU of the cluster, what messages call it, and where the user's file has it.
struct NamedGpu {
  const sim::Gpu& gpu;
  std::string path;
  base::SourceLocation where;
};

// The deepest of the keys that stands in the file of the scenario.
base::SourceLocation place_of(const Node& from, std::initializer_list<std::string_view> keys) {
  base::SourceLocation where = from.where;
  const Node* node = &from;
  for (const std::string_view key : keys) {
    node = node->find(key);
    if (node == nullptr) break;
    if (node->where.file == from.where.file) where = node->where;
  }
  return where;
}

std::vector<NamedGpu> gpus_of(const Node& cluster_node, const sim::Cluster& cluster) {
  std::vector<NamedGpu> out{{.gpu = cluster.node.gpu,
                             .path = "cluster.node.gpu",
                             .where = place_of(cluster_node, {"node", "gpu"})}};
  const Node* overrides = cluster_node.find("heterogeneous");
  for (std::size_t i = 0; i < cluster.overrides.size(); ++i) {
    if (!cluster.overrides[i].gpu) continue;
    const bool placed = overrides != nullptr && i < overrides->items.size() &&
                        overrides->items[i].where.file == cluster_node.where.file;
    out.push_back({.gpu = *cluster.overrides[i].gpu,
                   .path = fmt::format("cluster.heterogeneous[{}].gpu", i),
                   .where = placed ? place_of(overrides->items[i], {"gpu"}) : cluster_node.where});
  }
  return out;
}

void check_peak(const NamedGpu& named, std::string_view kind, base::Diagnostics& diagnostics) {
  constexpr std::array<const char*, 4> kPricing{"bf16", "fp16", "tf32", "fp32"};
  const auto& peak = named.gpu.peak;
  if (std::any_of(kPricing.begin(), kPricing.end(),
                  [&](const char* format) { return peak.contains(format); })) {
    return;
  }
  std::string stated;
  for (const auto& [format, rate] : peak) stated += (stated.empty() ? "" : ", ") + format;
  diagnostics.error(
      named.where,
      fmt::format("{}.peak {}: a {} workload is priced from the dense peak in bf16, fp16, tf32 or "
                  "fp32; give one, such as `peak: {{bf16: 989TFLOP/s}}`",
                  named.path, stated.empty() ? "is empty" : fmt::format("has {} only", stated),
                  kind));
}

// What copies between device and host, and where it is said.
struct HostCopy {
  std::string what;
  base::SourceLocation where;
};

std::vector<HostCopy> host_copies(const Node& job, const TrainScenario& train) {
  const strategies::TrainStrategy& strategy = train.job.strategy;
  const Node& said = *job.find("strategy");
  std::vector<HostCopy> out;
  if (strategy.offload_optimizer != strategies::OffloadTarget::none) {
    const Node& node = *said.find("offload_optimizer");
    out.push_back({fmt::format("strategy.offload_optimizer {}", node.text), node.where});
  }
  if (strategy.offload_activations != strategies::OffloadTarget::none) {
    const Node& node = *said.find("offload_activations");
    out.push_back({fmt::format("strategy.offload_activations {}", node.text), node.where});
  }
  const strategies::Checkpointing& saved = train.job.workload.checkpointing;
  if (saved.asynchronous && (saved.interval > 0 || saved.best_interval)) {
    const Node& node = *job.find("workload")->find("checkpointing");
    out.push_back({"workload.checkpointing.asynchronous", place_of(node, {"asynchronous"})});
  }
  return out;
}

std::vector<HostCopy> host_copies(const Node& job, const ServeScenario& serve) {
  if (serve.job.strategy.kv.host_memory.value() <= 0) return {};
  const Node& node = *job.find("strategy")->find("kv")->find("host_memory");
  return {{fmt::format("strategy.kv.host_memory {}", node.text), node.where}};
}

void check_copies(const std::vector<HostCopy>& copies, const std::vector<NamedGpu>& gpus,
                  base::Diagnostics& diagnostics) {
  for (const HostCopy& copy : copies) {
    for (const NamedGpu& named : gpus) {
      if (named.gpu.pcie_bandwidth.value() > 0) continue;
      diagnostics.error(copy.where,
                        fmt::format("{} copies between device and host, and {}.pcie_bandwidth is "
                                    "not known: give it, such as 64GB/s",
                                    copy.what, named.path));
      break;
    }
  }
}

}  // namespace

void check_gpus(const Node& resolved, const sim::Cluster& cluster, const Workload& workload,
                base::Diagnostics& diagnostics) {
  if (cluster.explicit_network) return;
  if (std::holds_alternative<strategies::CollectiveWorkload>(workload)) return;
  const std::vector<NamedGpu> gpus = gpus_of(*resolved.find("cluster"), cluster);
  const std::string& kind = resolved.find("workload")->find("kind")->text;
  for (const NamedGpu& named : gpus) check_peak(named, kind, diagnostics);
  const auto copies = [&](const Node& job, const auto& work) {
    check_copies(host_copies(job, work), gpus, diagnostics);
  };
  if (const auto* train = std::get_if<TrainScenario>(&workload)) copies(resolved, *train);
  if (const auto* serve = std::get_if<ServeScenario>(&workload)) copies(resolved, *serve);
  const auto* mix = std::get_if<MixScenario>(&workload);
  if (mix == nullptr) return;
  const Node& jobs = *resolved.find("workload")->find("jobs");
  for (std::size_t i = 0; i < mix->jobs.size() && i < jobs.items.size(); ++i) {
    std::visit([&](const auto& work) { copies(jobs.items[i], work); }, mix->jobs[i].work);
  }
}

}  // namespace windtunnel::scenarios
