#include "real/nccl/collective_layout.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using collectives::Op;

// Whether the larger buffer holds one part a rank.
bool one_part_a_rank(Op op) {
  return op == Op::all_gather || op == Op::reduce_scatter || op == Op::all_to_all;
}

}  // namespace

bool allows(Op op, Placement placement) {
  return placement == Placement::out_of_place || (op != Op::all_to_all && op != Op::send_recv);
}

CollectiveCall call_of(const CollectiveCall& kind, std::int64_t bytes) {
  base::expects(kind.ranks > 0 && bytes >= 0, "a collective has ranks and a size");
  CollectiveCall call = kind;
  const std::int64_t parts = one_part_a_rank(kind.op) ? kind.ranks : 1;
  const std::int64_t sixteen_bytes = 16 / bytes_of(kind.type);
  call.unit = bytes / (parts * bytes_of(kind.type));
  if (call.unit >= sixteen_bytes) call.unit -= call.unit % sixteen_bytes;
  return call;
}

std::int64_t call_bytes(const CollectiveCall& call) {
  return std::max(send_elements(call), receive_elements(call)) * bytes_of(call.type);
}

std::int64_t send_elements(const CollectiveCall& call) {
  const bool parted = call.op == Op::reduce_scatter || call.op == Op::all_to_all;
  return parted ? call.unit * call.ranks : call.unit;
}

std::int64_t receive_elements(const CollectiveCall& call) {
  const bool parted = call.op == Op::all_gather || call.op == Op::all_to_all;
  return parted ? call.unit * call.ranks : call.unit;
}

std::int64_t buffer_elements(const CollectiveCall& call) {
  return std::max(send_elements(call), receive_elements(call));
}

std::int64_t send_offset(const CollectiveCall& call, std::int64_t rank) {
  const bool inside = call.placement == Placement::in_place && call.op == Op::all_gather;
  return inside ? rank * call.unit : 0;
}

std::int64_t receive_offset(const CollectiveCall& call, std::int64_t rank) {
  const bool inside = call.placement == Placement::in_place && call.op == Op::reduce_scatter;
  return inside ? rank * call.unit : 0;
}

std::vector<std::int64_t> sweep_sizes(std::int64_t from, std::int64_t to, double factor) {
  base::expects(from > 0 && factor > 1.0, "a sweep starts above 0 and grows");
  std::vector<std::int64_t> sizes;
  for (int i = 0;; ++i) {
    // Rounded down to a whole element of 4 bytes, so that a factor of 1.5 makes no odd sizes.
    const double exact = static_cast<double>(from) * std::pow(factor, i);
    if (exact > static_cast<double>(to) * (1 + 1e-12)) return sizes;
    const std::int64_t size =
        std::max<std::int64_t>(4, std::llround(std::floor(exact + 1e-6))) / 4 * 4;
    if (sizes.empty() || size > sizes.back()) sizes.push_back(size);
  }
}

}  // namespace windtunnel::real
