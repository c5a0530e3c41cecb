// What a collective is: operation, algorithm, protocol, size, and the conventions of nccl-tests.
//
// `bytes` is that of the larger of the two buffers of a rank (all_gather: output; reduce_scatter:
// input). busbw = algbw x factor, factor 2(n-1)/n for all_reduce, (n-1)/n for all_gather,
// reduce_scatter and all_to_all, 1 for broadcast, reduce and send_recv (nccl-tests,
// doc/PERFORMANCE.md).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/quantity.hpp"

namespace windtunnel::collectives {

enum class Op { all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, reduce, send_recv };
enum class Algorithm {
  automatic,  // `auto`: what NCCL would choose
  ring,
  tree,
  double_binary_tree,
  recursive_doubling,
  halving_doubling,
  hierarchical,
  direct,
  pairwise,
  parameter_server,
  in_network
};
enum class Protocol { automatic, ll, ll128, simple };

inline constexpr std::array kOps{Op::all_reduce, Op::all_gather, Op::reduce_scatter, Op::all_to_all,
                                 Op::broadcast,  Op::reduce,     Op::send_recv};
inline constexpr std::array kAlgorithms{Algorithm::automatic,
                                        Algorithm::ring,
                                        Algorithm::tree,
                                        Algorithm::double_binary_tree,
                                        Algorithm::recursive_doubling,
                                        Algorithm::halving_doubling,
                                        Algorithm::hierarchical,
                                        Algorithm::direct,
                                        Algorithm::pairwise,
                                        Algorithm::parameter_server,
                                        Algorithm::in_network};

// Names as in scenarios and measurements: "all_reduce", "auto", "double_binary_tree", "ll128".
std::string_view to_text(Op op);
std::string_view to_text(Algorithm algorithm);
std::string_view to_text(Protocol protocol);
// Also the usual spellings of others: "allreduce", "AllReduce", "Tree", "NVLS", "LL128", "Simple".
std::optional<Op> op_from_text(std::string_view text);
std::optional<Algorithm> algorithm_from_text(std::string_view text);
std::optional<Protocol> protocol_from_text(std::string_view text);

// One sentence each, for `windtunnel list algorithms`.
std::string_view description(Algorithm algorithm);

// Which (op, algorithm) pairs have a schedule here.
bool supports(Op op, Algorithm algorithm);

double bus_factor(Op op, std::int64_t ranks);
base::BytesPerSecond algorithm_bandwidth(base::Bytes bytes, base::Seconds time);
base::BytesPerSecond bus_bandwidth(Op op, std::int64_t ranks, base::Bytes bytes,
                                   base::Seconds time);

}  // namespace windtunnel::collectives
