#include "collectives/nccl/protocol_facts.hpp"

#include <algorithm>
#include <cmath>

namespace windtunnel::collectives::nccl {
namespace {

bool is_nvls(NcclAlgorithm algorithm) {
  return algorithm == NcclAlgorithm::nvls || algorithm == NcclAlgorithm::nvls_tree;
}

// Channels drop to one while a channel's threads lack work, and never below the least share of
// bytes.
int used_channels(const CostModel& model, NcclAlgorithm algorithm, Protocol protocol,
                  base::Bytes bytes) {
  const ProtocolConstants& constants = model.constants().protocol;
  const Graphs& graphs = model.graphs();
  const std::size_t p = index_of(protocol);
  int threads = constants.max_threads[p];
  const base::BytesPerSecond bus = graphs.ring.intra * graphs.ring.channels;
  constexpr base::BytesPerSecond kPcieGeneration3(12e9);
  if (protocol == Protocol::simple && bus <= kPcieGeneration3)
    threads = constants.simple_threads_slow;
  base::Bytes per_thread = constants.bytes_per_thread[p];
  if (protocol == Protocol::ll && algorithm == NcclAlgorithm::ring) {
    per_thread *= model.topology().layout.ranks;
  }
  int channels = is_nvls(algorithm) ? graphs.nvls_channels : graphs.channels;
  const base::Bytes work_of_channel = per_thread * threads;
  channels = static_cast<int>(std::clamp(bytes / work_of_channel, 1.0, double{1.0} * channels));
  const double weight = protocol == Protocol::ll ? 4.0 : 1.0;
  const double by_share = bytes * weight / constants.min_bytes_per_channel;
  return static_cast<int>(std::clamp(by_share, 1.0, double{1.0} * channels));
}

base::Bytes align_down(base::Bytes value, base::Bytes grain) {
  return grain * std::max(1.0, std::floor(value / grain));
}

// The chunk of a full buffer, before it is cut to the data there is.
base::Bytes full_chunk(const CostModel& model, Op op, NcclAlgorithm algorithm, Protocol protocol) {
  const ProtocolConstants& constants = model.constants().protocol;
  const std::size_t p = index_of(protocol);
  if (is_nvls(algorithm)) {
    const bool far = algorithm == NcclAlgorithm::nvls_tree && model.topology().layout.nodes >= 4;
    return far ? constants.nvls_chunk / 2.0 : constants.nvls_chunk;
  }
  const base::Bytes slot = constants.buffer[p] / constants.slots;
  const bool whole_ring = algorithm == NcclAlgorithm::ring && protocol == Protocol::simple &&
                          op != Op::broadcast && op != Op::reduce;
  return slot * constants.payload[p] * (whole_ring ? constants.ring_simple_chunk_slots : 1);
}

base::Bytes nvls_chunk(base::Bytes bytes, base::Bytes chunk, double lanes) {
  constexpr double kKibibyte = 1024;
  if (bytes < chunk * (64 * lanes)) chunk = base::min(chunk, base::Bytes(64 * kKibibyte));
  if (bytes < chunk * (8 * lanes)) chunk = base::min(chunk, base::Bytes(32 * kKibibyte));
  if (bytes < chunk * (2 * lanes)) chunk = base::min(chunk, base::Bytes(16 * kKibibyte));
  return chunk;
}

base::Bytes tree_ll128_chunk(const RankLayout& layout, base::Bytes bytes, base::Bytes chunk,
                             int channels) {
  constexpr base::Bytes kFirstFloor(128 * 1024);
  constexpr base::Bytes kSecondFloor(32 * 1024);
  const double ranks_per_node = layout.ranks_per_node();
  const double steps = 1 + std::log2(layout.nodes) + 0.1 * ranks_per_node;
  const auto chunks = [&] { return bytes / (chunk * channels); };
  while (chunks() < steps * 64 / ranks_per_node && chunk > kFirstFloor) chunk = chunk / 2.0;
  while (chunks() < steps * 16 / ranks_per_node && chunk > kSecondFloor) chunk = chunk / 2.0;
  return chunk;
}

}  // namespace

ProtocolFacts protocol_facts(const CostModel& model, Op op, NcclAlgorithm algorithm,
                             Protocol protocol, base::Bytes bytes) {
  const Constants& constants = model.constants();
  const RankLayout& layout = model.topology().layout;
  const std::size_t a = index_of(algorithm);
  const std::size_t p = index_of(protocol);
  ProtocolFacts facts;
  facts.payload = constants.protocol.payload[p];
  facts.slots = constants.protocol.slots;
  facts.channels = used_channels(model, algorithm, protocol, bytes);
  base::Bytes chunk = full_chunk(model, op, algorithm, protocol);
  if (is_nvls(algorithm)) {
    const double lanes = double{1.0} * facts.channels * std::max(1, model.graphs().nvls.channels);
    chunk = nvls_chunk(bytes, chunk, lanes);
  } else if (algorithm == NcclAlgorithm::tree && protocol == Protocol::ll128) {
    chunk = tree_ll128_chunk(layout, bytes, chunk, facts.channels);
  }
  facts.chunk = align_down(chunk, constants.protocol.grain[p]);
  const bool nvlink = model.topology().intra == IntraPath::nvlink;
  facts.start = constants.base_latency[a][p];
  facts.hop_inside = (nvlink ? constants.nvlink_hop : constants.pcie_hop)[a][p];
  facts.hop_between = constants.net_hop[a][p];
  return facts;
}

}  // namespace windtunnel::collectives::nccl
