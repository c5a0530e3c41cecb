#include "collectives/collective.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace windtunnel::collectives {
namespace {

// Lower case, without the signs that spellings differ in: "All-Reduce" and "all_reduce" are
// "allreduce".
std::string folded(std::string_view text) {
  std::string key;
  for (const char c : text) {
    if (c == '_' || c == '-' || c == ' ' || c == '.' || c == '/') continue;
    key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return key;
}

template <class Value, std::size_t Count>
std::optional<Value> find(const std::array<std::pair<std::string_view, Value>, Count>& aliases,
                          std::string_view text) {
  const std::string key = folded(text);
  const auto* const found = std::ranges::find(aliases, std::string_view(key),
                                              [](const auto& alias) { return alias.first; });
  if (found == aliases.end()) return std::nullopt;
  return found->second;
}

constexpr auto kOpAliases = std::to_array<std::pair<std::string_view, Op>>({
    {"allreduce", Op::all_reduce},
    {"allgather", Op::all_gather},
    {"reducescatter", Op::reduce_scatter},
    {"reducescatterblock", Op::reduce_scatter},
    {"alltoall", Op::all_to_all},
    {"alltoallv", Op::all_to_all},
    {"broadcast", Op::broadcast},
    {"bcast", Op::broadcast},
    {"reduce", Op::reduce},
    {"sendrecv", Op::send_recv},
    {"sendreceive", Op::send_recv},
    {"p2p", Op::send_recv},
});

constexpr auto kAlgorithmAliases = std::to_array<std::pair<std::string_view, Algorithm>>({
    {"auto", Algorithm::automatic},
    {"automatic", Algorithm::automatic},
    {"default", Algorithm::automatic},
    {"ring", Algorithm::ring},
    {"lr", Algorithm::ring},
    {"tree", Algorithm::tree},
    {"binarytree", Algorithm::tree},
    {"doublebinarytree", Algorithm::double_binary_tree},
    {"doubletree", Algorithm::double_binary_tree},
    {"recursivedoubling", Algorithm::recursive_doubling},
    {"rdb", Algorithm::recursive_doubling},
    {"halvingdoubling", Algorithm::halving_doubling},
    {"recursivehalving", Algorithm::halving_doubling},
    {"rabenseifner", Algorithm::halving_doubling},
    {"rab", Algorithm::halving_doubling},
    {"hierarchical", Algorithm::hierarchical},
    {"direct", Algorithm::direct},
    {"linear", Algorithm::direct},
    {"pairwise", Algorithm::pairwise},
    {"pair", Algorithm::pairwise},
    {"parameterserver", Algorithm::parameter_server},
    {"ps", Algorithm::parameter_server},
    {"innetwork", Algorithm::in_network},
    {"nvls", Algorithm::in_network},
    {"sharp", Algorithm::in_network},
    {"nvlssharp", Algorithm::in_network},
});

constexpr auto kProtocolAliases = std::to_array<std::pair<std::string_view, Protocol>>({
    {"auto", Protocol::automatic},
    {"automatic", Protocol::automatic},
    {"default", Protocol::automatic},
    {"ll", Protocol::ll},
    {"ll128", Protocol::ll128},
    {"simple", Protocol::simple},
});

}  // namespace

std::string_view to_text(Op op) {
  switch (op) {
    case Op::all_reduce:
      return "all_reduce";
    case Op::all_gather:
      return "all_gather";
    case Op::reduce_scatter:
      return "reduce_scatter";
    case Op::all_to_all:
      return "all_to_all";
    case Op::broadcast:
      return "broadcast";
    case Op::reduce:
      return "reduce";
    case Op::send_recv:
      return "send_recv";
  }
  return "";
}

std::string_view to_text(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::automatic:
      return "auto";
    case Algorithm::ring:
      return "ring";
    case Algorithm::tree:
      return "tree";
    case Algorithm::double_binary_tree:
      return "double_binary_tree";
    case Algorithm::recursive_doubling:
      return "recursive_doubling";
    case Algorithm::halving_doubling:
      return "halving_doubling";
    case Algorithm::hierarchical:
      return "hierarchical";
    case Algorithm::direct:
      return "direct";
    case Algorithm::pairwise:
      return "pairwise";
    case Algorithm::parameter_server:
      return "parameter_server";
    case Algorithm::in_network:
      return "in_network";
  }
  return "";
}

std::string_view to_text(Protocol protocol) {
  switch (protocol) {
    case Protocol::automatic:
      return "auto";
    case Protocol::ll:
      return "ll";
    case Protocol::ll128:
      return "ll128";
    case Protocol::simple:
      return "simple";
  }
  return "";
}

std::optional<Op> op_from_text(std::string_view text) {
  return find(kOpAliases, text);
}
std::optional<Algorithm> algorithm_from_text(std::string_view text) {
  return find(kAlgorithmAliases, text);
}
std::optional<Protocol> protocol_from_text(std::string_view text) {
  return find(kProtocolAliases, text);
}

std::string_view description(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::automatic:
      return "The algorithm and protocol that NCCL would choose.";
    case Algorithm::ring:
      return "Parts travel round a ring of the ranks; the least bytes, latency grows with the "
             "ranks.";
    case Algorithm::tree:
      return "One binary tree, reduced up and broadcast down in chunks; latency grows with the "
             "logarithm.";
    case Algorithm::double_binary_tree:
      return "Two binary trees with half of the data each, every rank a leaf in one: latency of a "
             "tree at "
             "the bandwidth of a ring.";
    case Algorithm::recursive_doubling:
      return "Partners at distance 1, 2, 4, ... exchange all they have; fewest steps, for small "
             "sizes.";
    case Algorithm::halving_doubling:
      return "Recursive halving then doubling (Rabenseifner): the bytes of a ring in logarithmic "
             "steps.";
    case Algorithm::hierarchical:
      return "First inside each scale-up domain, then between domains rail by rail, then inside "
             "again.";
    case Algorithm::direct:
      return "Every rank sends to every other at once; one step a phase.";
    case Algorithm::pairwise:
      return "Every rank meets every other in turn, one partner at a time, so that no port is "
             "shared.";
    case Algorithm::parameter_server:
      return "All ranks push to one or more server ranks, which reduce and send the result back.";
    case Algorithm::in_network:
      return "Switches reduce and multicast: NVLS inside a scale-up domain, SHARP trees between "
             "nodes.";
  }
  return "";
}

bool supports(Op op, Algorithm algorithm) {
  const auto one_of = [op](std::initializer_list<Op> ops) {
    return std::ranges::find(ops, op) != ops.end();
  };
  switch (algorithm) {
    case Algorithm::automatic:
    case Algorithm::ring:
    case Algorithm::direct:
      return true;
    case Algorithm::tree:
    case Algorithm::double_binary_tree:
    case Algorithm::parameter_server:
      return one_of({Op::all_reduce, Op::broadcast, Op::reduce});
    case Algorithm::recursive_doubling:
      return one_of({Op::all_reduce, Op::all_gather});
    case Algorithm::halving_doubling:
      return one_of({Op::all_reduce, Op::all_gather, Op::reduce_scatter});
    case Algorithm::pairwise:
      return one_of({Op::all_to_all, Op::all_gather, Op::reduce_scatter});
    case Algorithm::hierarchical:
      return op != Op::send_recv;
    case Algorithm::in_network:
      return op != Op::send_recv && op != Op::all_to_all;
  }
  return false;
}

double bus_factor(Op op, std::int64_t ranks) {
  if (ranks <= 1) return 1.0;
  const double n = static_cast<double>(ranks);
  switch (op) {
    case Op::all_reduce:
      return 2.0 * (n - 1.0) / n;
    case Op::all_gather:
    case Op::reduce_scatter:
    case Op::all_to_all:
      return (n - 1.0) / n;
    case Op::broadcast:
    case Op::reduce:
    case Op::send_recv:
      return 1.0;
  }
  return 1.0;
}

base::BytesPerSecond algorithm_bandwidth(base::Bytes bytes, base::Seconds time) {
  return time.value() > 0.0 ? bytes / time : base::BytesPerSecond{0.0};
}

base::BytesPerSecond bus_bandwidth(Op op, std::int64_t ranks, base::Bytes bytes,
                                   base::Seconds time) {
  return algorithm_bandwidth(bytes, time) * bus_factor(op, ranks);
}

}  // namespace windtunnel::collectives
