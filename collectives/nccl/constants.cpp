#include "collectives/nccl/constants.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "sim/base/contract.hpp"
#include "sim/base/embedded.hpp"

namespace windtunnel::embedded {
std::span<const base::EmbeddedFile> nccl_constants();
}

namespace windtunnel::collectives::nccl {
namespace {

using nlohmann::json;
using Number = std::pair<int, int>;  // major, minor

constexpr double kMicrosecond = 1e-6;
constexpr double kGigabyte = 1e9;

base::Seconds microseconds(const json& node) {
  return base::Seconds(node.get<double>() * kMicrosecond);
}
base::BytesPerSecond gigabytes(const json& node) {
  return base::BytesPerSecond(node.get<double>() * kGigabyte);
}

Number number_of(std::string_view version) {
  const std::string text(version);
  char* rest = nullptr;
  const long major = std::strtol(text.c_str(), &rest, 10);
  base::expects(rest != text.c_str(), "NCCL version '" + text + "' does not start with a number");
  const long minor = *rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0;
  return {static_cast<int>(major), static_cast<int>(minor)};
}

std::map<std::string, json> read_data_files() {
  std::map<std::string, json> files;
  for (const base::EmbeddedFile& file : embedded::nccl_constants()) {
    json content = json::parse(file.content);
    std::string version = content.at("version").get<std::string>();
    files.emplace(std::move(version), std::move(content));
  }
  return files;
}

// Every data file by the version it names, parsed once.
const std::map<std::string, json>& data_files() {
  static const std::map<std::string, json> kFiles = read_data_files();
  return kFiles;
}

json merged(const std::map<std::string, json>& files, const std::string& version) {
  const json& own = files.at(version);
  if (!own.contains("base")) return own;
  json whole = merged(files, own.at("base").get<std::string>());
  whole.merge_patch(own);
  return whole;
}

const char* key_of(NcclAlgorithm algorithm) {
  switch (algorithm) {
    case NcclAlgorithm::tree:
      return "tree";
    case NcclAlgorithm::ring:
      return "ring";
    case NcclAlgorithm::collnet_direct:
      return "collnet_direct";
    case NcclAlgorithm::collnet_chain:
      return "collnet_chain";
    case NcclAlgorithm::nvls:
      return "nvls";
    case NcclAlgorithm::nvls_tree:
      return "nvls_tree";
    case NcclAlgorithm::pat:
      return "pat";
  }
  return "";
}

Latencies latencies(const json& table) {
  Latencies out{};
  for (const NcclAlgorithm algorithm : kNcclAlgorithms) {
    const json& row = table.at(key_of(algorithm));
    for (std::size_t p = 0; p < 3; ++p) out[index_of(algorithm)][p] = microseconds(row.at(p));
  }
  return out;
}

template <std::size_t Count>
std::array<base::BytesPerSecond, Count> bandwidths(const json& row) {
  std::array<base::BytesPerSecond, Count> out{};
  for (std::size_t i = 0; i < Count; ++i) out[i] = gigabytes(row.at(i));
  return out;
}

Caps caps_from(const json& node) {
  Caps caps;
  caps.ll = gigabytes(node.at("ll"));
  caps.ll128_ring = bandwidths<3>(node.at("ll128_ring"));
  caps.ll128_tree = bandwidths<3>(node.at("ll128_tree"));
  caps.tree = bandwidths<3>(node.at("tree"));
  caps.nvls_tree = bandwidths<3>(node.at("nvls_tree"));
  caps.nvls_efficiency = node.at("nvls_efficiency");
  return caps;
}

Efficiencies efficiencies(const json& node) {
  Efficiencies out;
  out.ring_ll = node.at("ring_ll");
  out.ring_ll128 = node.at("ring_ll128");
  out.tree = node.at("tree");
  out.tree_ll_divisor = node.at("tree_ll_divisor");
  out.tree_ll128_one_node = node.at("tree_ll128_one_node");
  out.tree_ll128 = node.at("tree_ll128");
  out.collnet_direct_sm90 = node.at("collnet_direct_sm90");
  out.gather_inter = node.at("gather_inter");
  out.pat = node.at("pat");
  out.half_ratio = node.at("half_ratio");
  return out;
}

SpeedLists speeds(const json& node) {
  const auto list = [&](const char* key) {
    std::vector<base::BytesPerSecond> out;
    for (const json& speed : node.at(key)) out.push_back(gigabytes(speed));
    return out;
  };
  return {list("default"), list("sm90"), list("sm100")};
}

SearchRules search_rules(const json& node) {
  SearchRules out;
  out.max_search_channels = node.at("max_search_channels");
  out.max_channels = node.at("max_channels");
  out.max_nvls_heads = node.at("max_nvls_heads");
  out.lowest_speed_ratio = node.at("lowest_speed_ratio");
  out.split_from = gigabytes(node.at("split_from_gbps"));
  out.keep_whole_below = gigabytes(node.at("keep_whole_below_gbps"));
  out.keep_whole_above_channels = node.at("keep_whole_above_channels");
  out.double_again_above = gigabytes(node.at("double_again_above_gbps"));
  out.double_again_below_channels = node.at("double_again_below_channels");
  return out;
}

ProtocolConstants protocol_constants(const json& node) {
  ProtocolConstants out;
  out.slots = node.at("slots");
  for (std::size_t p = 0; p < 3; ++p) {
    out.buffer[p] = base::Bytes(node.at("buffer_bytes").at(p));
    out.grain[p] = base::Bytes(node.at("grain_bytes").at(p));
    out.bytes_per_thread[p] = base::Bytes(node.at("bytes_per_thread").at(p));
    out.payload[p] = node.at("payload").at(p);
    out.max_threads[p] = node.at("max_threads").at(p);
  }
  out.simple_threads_slow = node.at("simple_threads_slow");
  out.ring_simple_chunk_slots = node.at("ring_simple_chunk_slots");
  out.min_bytes_per_channel = base::Bytes(node.at("min_bytes_per_channel"));
  out.nvls_chunk = base::Bytes(node.at("nvls_chunk_bytes"));
  return out;
}

void read_timing(const json& root, Constants& out) {
  out.base_latency = latencies(root.at("base_latency_us"));
  out.nvlink_hop = latencies(root.at("hop_latency_us").at("nvlink"));
  out.pcie_hop = latencies(root.at("hop_latency_us").at("pcie"));
  out.net_hop = latencies(root.at("hop_latency_us").at("net"));
  out.nic_latency = microseconds(root.at("nic_latency_us"));
  const json& overhead = root.at("net_overhead_us");
  out.net_overhead_amd = microseconds(overhead.at("amd"));
  out.net_overhead_other = microseconds(overhead.at("other"));
  out.net_overhead_simple_factor = overhead.at("simple_factor");
  const json& plateau = root.at("plateau");
  out.plateau_bytes = plateau.at("bytes_per_channel_rank");
  out.plateau_factor = plateau.at("latency_factor");
  out.plateau_factor_before_sm80 = plateau.at("latency_factor_before_sm80");
  const json& correction = root.at("tree_correction");
  out.tree_correction = {correction.at("ll").get<std::vector<double>>(),
                         correction.at("ll128").get<std::vector<double>>(),
                         correction.at("simple").get<std::vector<double>>()};
}

void read_bandwidths(const json& root, Constants& out) {
  const json& caps = root.at("caps_gbps");
  out.caps = {caps_from(caps.at("volta")), caps_from(caps.at("ampere")),
              caps_from(caps.at("hopper")), caps_from(caps.at("blackwell"))};
  out.ll_multi_node_amd = bandwidths<2>(root.at("ll_multi_node_gbps").at("amd"));
  out.ll_multi_node_other = bandwidths<2>(root.at("ll_multi_node_gbps").at("other"));
  out.efficiency = efficiencies(root.at("efficiency"));
  const json& nvls = root.at("nvls");
  out.nvls_model = nvls.at("model") == "graph" ? NvlsModel::graph : NvlsModel::efficiency;
  out.nvls_base_ratio = nvls.at("base_ratio");
  out.nvls_gathers = nvls.at("gathers");
  out.nvls_tree_two_node_factor = nvls.at("tree_two_node_factor");
  out.pat_available = root.at("pat").at("available");
  out.pat_latency_divisor = root.at("pat").at("latency_divisor");
  out.pat_per_rank = microseconds(root.at("pat").at("per_rank_us"));
  out.collnet_direct_per_rank = microseconds(root.at("collnet_direct").at("per_local_rank_us"));
  out.collnet_direct_max_ranks = root.at("collnet_direct").at("max_local_ranks");
}

void read_hardware(const json& root, Constants& out) {
  const json& fraction = root.at("nvlink_counted_fraction");
  out.nvlink_fraction_sm60 = fraction.at("sm60");
  out.nvlink_fraction_sm70 = fraction.at("sm70");
  out.nvlink_fraction_sm80 = fraction.at("sm80");
  out.nvlink_fraction_sm86 = fraction.at("sm86");
  out.nvlink_fraction_sm90 = fraction.at("sm90");
  out.nvlink_fraction_sm100 = fraction.at("sm100");
  out.pcie_fraction = root.at("pcie_counted_fraction");
  out.pcie_intel_peer_factor = root.at("pcie_intel_peer_factor");
  const json& socket = root.at("inter_socket_gbps");
  out.socket_amd = gigabytes(socket.at("amd"));
  out.socket_power = gigabytes(socket.at("power"));
  out.socket_arm = gigabytes(socket.at("arm"));
  out.socket_intel = {gigabytes(socket.at("intel_gen3")), gigabytes(socket.at("intel_gen4")),
                      gigabytes(socket.at("intel_gen5"))};
  out.default_nic = gigabytes(root.at("default_nic_gbps"));
  out.nvls_channels_hopper = root.at("nvls_channels").at("hopper");
  out.nvls_channels_blackwell = root.at("nvls_channels").at("blackwell");
}

}  // namespace

const std::vector<base::BytesPerSecond>& SpeedLists::of(int compute_capability) const {
  if (compute_capability >= 100) return sm100;
  return compute_capability >= 90 ? sm90 : before_sm90;
}

double Constants::nvlink_fraction(int compute_capability) const {
  if (compute_capability >= 100) return nvlink_fraction_sm100;
  if (compute_capability >= 90) return nvlink_fraction_sm90;
  if (compute_capability > 80) return nvlink_fraction_sm86;
  if (compute_capability == 80) return nvlink_fraction_sm80;
  return compute_capability >= 70 ? nvlink_fraction_sm70 : nvlink_fraction_sm60;
}

std::vector<std::string> versions() {
  std::vector<std::string> out;
  for (const auto& [version, content] : data_files()) out.push_back(version);
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return number_of(a) < number_of(b); });
  return out;
}

Constants constants(std::string_view version) {
  const std::map<std::string, json>& files = data_files();
  const Number asked = number_of(version);
  const std::string* chosen = nullptr;
  Number chosen_from{-1, -1};
  for (const auto& [name, content] : files) {
    const Number from = number_of(content.at("from").get<std::string>());
    if (from <= asked && from > chosen_from) {
      chosen = &name;
      chosen_from = from;
    }
  }
  base::ensures(chosen != nullptr, "a data file of NCCL constants starts at version 0");
  const json root = merged(files, *chosen);
  Constants out;
  out.version = *chosen;
  read_timing(root, out);
  read_bandwidths(root, out);
  read_hardware(root, out);
  out.intra_speeds = speeds(root.at("speeds_gbps").at("intra"));
  out.inter_speeds = speeds(root.at("speeds_gbps").at("inter"));
  out.search = search_rules(root.at("search"));
  out.protocol = protocol_constants(root.at("protocol"));
  return out;
}

}  // namespace windtunnel::collectives::nccl
