#include "sim/platform/nccl_topology.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/unit_text.hpp"
#include "sim/platform/nccl_devices.hpp"
#include "sim/platform/nccl_entries.hpp"

namespace windtunnel::sim {
namespace {

constexpr base::Seconds kNvlinkHop{0.6e-6};
constexpr base::Seconds kPcieHop{1.0e-6};
constexpr base::Seconds kNicLatency{1.35e-6};  // half of a network hop of 2.7 us

int link_count(const NcclGpu& gpu) {
  int count = 0;
  for (const NcclNvlink& link : gpu.nvlinks) {
    if (link.kind != NvlinkTarget::other) count += link.count;
  }
  return count;
}

class Assembly {
 public:
  Assembly(NcclEntries entries, base::Diagnostics& diagnostics)
      : entries_(std::move(entries)),
        gpus_(entries_.gpus),
        diagnostics_(diagnostics),
        errors_(diagnostics.error_count()) {}
  std::optional<Node> make();

 private:
  int most_links() const;  // NVLinks of the GPU that has most
  void order_gpus();
  void name_gpu(Node& node);
  void describe_scale_up(Node& node);
  void describe_mesh(Node& node);
  void describe_pcie(Node& node);
  void describe_nics(Node& node);
  void warn(const base::SourceLocation& where, std::string text) {
    diagnostics_.warning(where, std::move(text));
  }
  bool failed() const { return diagnostics_.error_count() > errors_; }

  NcclEntries entries_;
  std::vector<NcclGpu>& gpus_;
  base::Diagnostics& diagnostics_;
  int errors_;
};

int Assembly::most_links() const {
  int most = 0;
  for (const NcclGpu& gpu : gpus_) most = std::max(most, link_count(gpu));
  return most;
}

// By device number; by PCIe switch first where the GPUs of a switch are not numbered in a row.
void Assembly::order_gpus() {
  std::sort(gpus_.begin(), gpus_.end(),
            [](const NcclGpu& a, const NcclGpu& b) { return a.dev < b.dev; });
  std::map<int, int> first_of_switch;
  bool in_a_row = true;
  for (std::size_t i = 0; i < gpus_.size(); ++i) {
    const bool is_new = first_of_switch.emplace(gpus_[i].pcie_switch, static_cast<int>(i)).second;
    in_a_row = in_a_row && (is_new || gpus_[i].pcie_switch == gpus_[i - 1].pcie_switch);
  }
  const bool any_nvlink = std::any_of(gpus_.begin(), gpus_.end(),
                                      [](const NcclGpu& gpu) { return link_count(gpu) > 0; });
  if (in_a_row || any_nvlink) return;
  std::stable_sort(gpus_.begin(), gpus_.end(), [&](const NcclGpu& a, const NcclGpu& b) {
    return first_of_switch[a.pcie_switch] < first_of_switch[b.pcie_switch];
  });
  std::string order;
  for (const NcclGpu& gpu : gpus_) order += fmt::format(" {}", gpu.dev);
  warn(gpus_.front().where,
       fmt::format("GPUs are taken in the order of their PCIe switches: dev{}", order));
}

void Assembly::name_gpu(Node& node) {
  const NcclGpu& first = gpus_.front();
  for (const NcclGpu& gpu : gpus_) {
    if (gpu.sm == first.sm) continue;
    diagnostics_.error(gpu.where,
                       fmt::format("this GPU is sm {}, others are sm {}: one node holds one "
                                   "kind of GPU",
                                   gpu.sm, first.sm));
  }
  const std::optional<NcclDevice> device =
      nccl_device(first.device, first.sm, most_links() > 0 ? HasNvlink::yes : HasNvlink::no);
  if (!device) {
    return diagnostics_.error(first.where,
                              fmt::format("no GPU of generation sm {} is known; known are "
                                          "70, 75, 80, 86, 89, 90, 100, 103 and 120",
                                          first.sm));
  }
  if (!device->certain) {
    warn(first.where,
         fmt::format("the file does not say which GPU it is; taken as {}, the usual one of "
                     "sm {}",
                     device->name, first.sm));
  }
  node.gpu.name = device->name;
  node.gpu.architecture = device->architecture;
  node.gpu.nvlink_links = most_links();
  node.gpu.nvlink_bandwidth = device->nvlink_link * most_links();
  node.gpu.pcie_bandwidth = max(first.pcie, first.chip_to_chip);
}

void Assembly::describe_scale_up(Node& node) {
  const int most = most_links();
  bool nvswitch = false;
  for (const NcclGpu& gpu : gpus_) {
    for (const NcclNvlink& link : gpu.nvlinks) {
      nvswitch = nvswitch || link.kind == NvlinkTarget::nvswitch;
    }
  }
  if (gpus_.size() == 1 && most == 0) {
    node.scale_up.kind = ScaleUpKind::none;
    return;
  }
  if (most == 0) return describe_pcie(node);
  node.scale_up.latency = kNvlinkHop;
  node.scale_up.bandwidth = node.gpu.nvlink_bandwidth;
  for (const NcclGpu& gpu : gpus_) {
    if (link_count(gpu) == most) continue;
    warn(gpu.where,
         fmt::format("this GPU has {} NVLinks, others have {}: all are modelled with the "
                     "bandwidth of {}",
                     link_count(gpu), most, most));
  }
  if (!nvswitch) return describe_mesh(node);
  node.scale_up.kind = ScaleUpKind::nvswitch;
  node.scale_up.in_switch_reduction = gpus_.front().sm >= 90;
}

void Assembly::describe_mesh(Node& node) {
  node.scale_up.kind = ScaleUpKind::nvlink_mesh;
  std::map<std::string, int> index_of;
  for (std::size_t i = 0; i < gpus_.size(); ++i) index_of[gpus_[i].bus] = static_cast<int>(i);
  std::map<std::pair<int, int>, int> counts;
  for (std::size_t i = 0; i < gpus_.size(); ++i) {
    for (const NcclNvlink& link : gpus_[i].nvlinks) {
      if (link.kind != NvlinkTarget::gpu) continue;
      const auto target = index_of.find(link.target);
      if (target == index_of.end()) {
        diagnostics_.error(link.where,
                           fmt::format("NVLink leads to '{}', and no GPU of this file has "
                                       "that busid",
                                       link.target));
        continue;
      }
      const int from = static_cast<int>(i);
      int& count = counts[std::minmax(from, target->second)];
      if (count != 0 && count != link.count) {
        warn(link.where,
             "the two GPUs of this NVLink count it differently; the larger count is taken");
      }
      count = std::max(count, link.count);
    }
  }
  for (const auto& [pair, count] : counts) {
    node.scale_up.links.push_back({.a = pair.first, .b = pair.second, .count = count});
  }
}

void Assembly::describe_pcie(Node& node) {
  ScaleUp& scale_up = node.scale_up;
  scale_up.kind = ScaleUpKind::pcie;
  scale_up.latency = kPcieHop;
  scale_up.bandwidth = gpus_.front().pcie;
  for (const NcclGpu& gpu : gpus_) scale_up.bandwidth = min(scale_up.bandwidth, gpu.pcie);
  std::map<int, int> size_of;  // GPUs by switch
  for (const NcclGpu& gpu : gpus_) ++size_of[gpu.pcie_switch];
  if (size_of.size() == 1 && size_of.begin()->first < 0) return;
  const int size = size_of.begin()->second;
  const bool alike =
      size_of.count(-1) == 0 && std::all_of(size_of.begin(), size_of.end(),
                                            [size](const auto& one) { return one.second == size; });
  if (!alike) {
    return warn(gpus_.front().where,
                "GPUs are spread unevenly over the PCIe switches; all are modelled "
                "at the root complex");
  }
  scale_up.gpus_per_switch = size;
  scale_up.uplink_bandwidth = entries_.uplinks[static_cast<std::size_t>(size_of.begin()->first)];
  for (const auto& [pcie_switch, count] : size_of) {
    scale_up.uplink_bandwidth =
        min(scale_up.uplink_bandwidth, entries_.uplinks[static_cast<std::size_t>(pcie_switch)]);
  }
}

void Assembly::describe_nics(Node& node) {
  if (entries_.nets.empty()) return;
  NcclNet fastest = entries_.nets.front();
  for (const NcclNet& net : entries_.nets) {
    if (net.speed > fastest.speed) fastest = net;
  }
  int count = 0;
  for (const NcclNet& net : entries_.nets) count += net.speed == fastest.speed ? 1 : 0;
  const int slow = static_cast<int>(entries_.nets.size()) - count;
  if (slow > 0) {
    warn(fastest.where, fmt::format("{} NIC{} slower than {} left out", slow, slow == 1 ? "" : "s",
                                    base::to_text(fastest.speed)));
  }
  if (count > node.gpus && count % node.gpus != 0) {
    warn(fastest.where,
         fmt::format("{} NICs for {} GPUs: {} are modelled, the same number for each GPU", count,
                     node.gpus, count / node.gpus * node.gpus));
    count = count / node.gpus * node.gpus;
  }
  node.nics.count = count;
  node.nics.bandwidth = fastest.speed;
  node.nics.latency = fastest.latency > base::Seconds{0} ? fastest.latency : kNicLatency;
}

std::optional<Node> Assembly::make() {
  order_gpus();
  Node node;
  node.gpus = static_cast<int>(gpus_.size());
  node.cpu = entries_.cpu;
  name_gpu(node);
  if (failed()) return std::nullopt;
  describe_scale_up(node);
  describe_nics(node);
  if (failed()) return std::nullopt;
  warn(entries_.where,
       "an NCCL topology states no latencies; NCCL's constants stand in (0.6 us "
       "a hop over NVLink, 1 us over PCIe, 1.35 us at a NIC)");
  return node;
}

}  // namespace

std::optional<Node> read_nccl_topology(std::string_view text, const std::string& file,
                                       base::Diagnostics& diagnostics) {
  const std::optional<XmlText> xml = XmlText::parse(text, file, "system", diagnostics);
  if (!xml) return std::nullopt;
  const int errors = diagnostics.error_count();
  NcclEntries entries = read_nccl_entries(*xml, diagnostics);
  if (diagnostics.error_count() > errors) return std::nullopt;
  if (entries.gpus.empty()) {
    diagnostics.error(entries.where, "there is no <gpu> in this topology");
    return std::nullopt;
  }
  return Assembly(std::move(entries), diagnostics).make();
}

}  // namespace windtunnel::sim
