// The constants of NCCL's cost model and channel search, one data file a version of NCCL
// (collectives/nccl/constants/nccl-VERSION.json, carried inside the program).
//
// Source: facts read from NVIDIA/nccl, src/graph/{tuning,search,topo,connect}.cc, of the tag that
// the file names. A file may state a `base` version and give only what differs (JSON merge patch,
// RFC 7386); `from` is the first version it speaks for. Units in the files: us and GB/s (1e9
// bytes/s); here: quantities.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/collective.hpp"

namespace windtunnel::collectives::nccl {

inline constexpr std::string_view kDefaultVersion = "2.28.9";

// NCCL's own algorithms and, as its indices for them, its protocols (LL, LL128, Simple).
enum class NcclAlgorithm { tree, ring, collnet_direct, collnet_chain, nvls, nvls_tree, pat };
inline constexpr std::array kNcclAlgorithms{NcclAlgorithm::tree,
                                            NcclAlgorithm::ring,
                                            NcclAlgorithm::collnet_direct,
                                            NcclAlgorithm::collnet_chain,
                                            NcclAlgorithm::nvls,
                                            NcclAlgorithm::nvls_tree,
                                            NcclAlgorithm::pat};
inline constexpr std::array kProtocols{Protocol::ll, Protocol::ll128, Protocol::simple};
std::string_view to_text(
    NcclAlgorithm algorithm);  // "Tree" "Ring" "CollNetDirect" ... as NCCL prints them
std::string_view nccl_text(Protocol protocol);  // "LL" "LL128" "Simple"
std::size_t index_of(NcclAlgorithm algorithm);
std::size_t index_of(Protocol protocol);  // not automatic

// Columns of NCCL's tables of caps, by compute capability: below 8.0, 8.x, 9.x, 10.0 and up.
enum class Generation { volta, ampere, hopper, blackwell };
enum class CpuVendor { intel, amd, arm, power, unknown };
enum class IntraPath { nvlink, pcie };

using PerProtocol = std::array<double, 3>;
using Latencies = std::array<std::array<base::Seconds, 3>, kNcclAlgorithms.size()>;
using NodeTriple = std::array<base::BytesPerSecond, 3>;  // one node, two, three or more

struct Caps {
  base::BytesPerSecond ll{0};                          // of all channels, one node
  NodeTriple ll128_ring, ll128_tree, tree, nvls_tree;  // per channel
  double nvls_efficiency = 0.0;
};

struct Efficiencies {
  double ring_ll = 0, ring_ll128 = 0, tree = 0, tree_ll_divisor = 0, tree_ll128_one_node = 0,
         tree_ll128 = 0;
  double collnet_direct_sm90 = 0, gather_inter = 0, pat = 0, half_ratio = 0;
};

enum class NvlsModel { efficiency, graph };

struct SearchRules {
  int max_search_channels = 0, max_channels = 0, max_nvls_heads = 0;
  double lowest_speed_ratio = 0;
  base::BytesPerSecond split_from{0}, keep_whole_below{0}, double_again_above{0};
  int keep_whole_above_channels = 0, double_again_below_channels = 0;
};

struct ProtocolConstants {
  int slots = 0;
  std::array<base::Bytes, 3> buffer{}, grain{}, bytes_per_thread{};
  PerProtocol payload{};
  std::array<int, 3> max_threads{};
  int simple_threads_slow = 0;
  int ring_simple_chunk_slots = 0;
  base::Bytes min_bytes_per_channel{0};
  base::Bytes nvls_chunk{0};
};

// Speeds that the search tries for one channel, in falling order.
struct SpeedLists {
  std::vector<base::BytesPerSecond> before_sm90, sm90, sm100;
  const std::vector<base::BytesPerSecond>& of(int compute_capability) const;
};

struct Constants {
  std::string version;  // of the data file
  Latencies base_latency{};
  Latencies nvlink_hop{}, pcie_hop{}, net_hop{};
  base::Seconds nic_latency{0};
  base::Seconds net_overhead_amd{0}, net_overhead_other{0};
  double net_overhead_simple_factor = 0;
  double plateau_bytes = 0, plateau_factor = 0, plateau_factor_before_sm80 = 0;
  std::array<Caps, 4> caps;  // by Generation
  std::array<base::BytesPerSecond, 2> ll_multi_node_amd{},
      ll_multi_node_other{};  // two nodes, more
  Efficiencies efficiency;
  std::array<std::vector<double>, 3> tree_correction;  // by protocol, index floor(log2(bytes / 64))
  NvlsModel nvls_model = NvlsModel::efficiency;
  double nvls_base_ratio = 0;  // 0: ranks / steps
  bool nvls_gathers = true;    // all-gather and reduce-scatter may use NVLS
  double nvls_tree_two_node_factor = 0;
  bool pat_available = true;
  double pat_latency_divisor = 0;
  base::Seconds pat_per_rank{0};
  base::Seconds collnet_direct_per_rank{0};
  int collnet_direct_max_ranks = 0;
  SpeedLists intra_speeds, inter_speeds;
  SearchRules search;
  // Share of the data sheet's bandwidth that NCCL counts, by compute capability and for PCIe.
  double nvlink_fraction_sm60 = 0, nvlink_fraction_sm70 = 0, nvlink_fraction_sm80 = 0;
  double nvlink_fraction_sm86 = 0, nvlink_fraction_sm90 = 0, nvlink_fraction_sm100 = 0;
  double pcie_fraction = 0, pcie_intel_peer_factor = 0;
  base::BytesPerSecond socket_amd{0}, socket_power{0}, socket_arm{0};
  std::array<base::BytesPerSecond, 3> socket_intel{};  // PCIe generation 3, 4, 5
  base::BytesPerSecond default_nic{0};
  int nvls_channels_hopper = 0, nvls_channels_blackwell = 0;
  ProtocolConstants protocol;

  double nvlink_fraction(int compute_capability) const;
  const Caps& caps_of(Generation generation) const {
    return caps[static_cast<std::size_t>(generation)];
  }
};

// Versions that have a data file, oldest first.
std::vector<std::string> versions();

// The constants that hold for `version` ("2.21.5", "2.29"): those of the newest file that starts at
// or before it. A broken data file is a bug of ours (ContractViolation); a version without digits
// as well.
Constants constants(std::string_view version = kDefaultVersion);

}  // namespace windtunnel::collectives::nccl
