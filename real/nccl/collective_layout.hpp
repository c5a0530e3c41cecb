// Where the data of one collective call lie: element counts, offsets of in-place calls, and the sizes
// that can be asked for. Conventions of nccl-tests: the size is that of the larger of a rank's two
// buffers; all_to_all and send_recv are grouped sends and receives; send_recv is a ring (to the next
// rank, from the one before).
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/collective.hpp"
#include "real/kernels/element.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

enum class Placement { out_of_place, in_place };

// Ops whose send and receive buffer may be one.
bool allows(collectives::Op op, Placement placement);

struct CollectiveCall {
  collectives::Op op = collectives::Op::all_reduce;
  Placement placement = Placement::out_of_place;
  std::int64_t ranks = 1;
  std::int64_t unit = 0;  // elements of the count argument; of one peer's part for all_to_all
  Element type = Element::fp32;
};

// The largest call of at most `bytes`; its unit is a multiple of 16 bytes where it holds 16 bytes at
// all (as nccl-tests rounds), and 0 where `bytes` is less than an element a part.
CollectiveCall call_of(const CollectiveCall& kind, std::int64_t bytes);

std::int64_t call_bytes(const CollectiveCall& call);  // the size in the convention above
// Elements that a rank reads from and writes to.
std::int64_t send_elements(const CollectiveCall& call);
std::int64_t receive_elements(const CollectiveCall& call);
// Elements of the buffers to allocate: one for an in-place call, which both parts lie in.
std::int64_t buffer_elements(const CollectiveCall& call);
// Of the send and the receive part in the buffer of an in-place call; 0 otherwise.
std::int64_t send_offset(const CollectiveCall& call, std::int64_t rank);
std::int64_t receive_offset(const CollectiveCall& call, std::int64_t rank);

// Sizes of a sweep: powers of `factor` from `from` to `to`, both included where they are hit.
std::vector<std::int64_t> sweep_sizes(std::int64_t from, std::int64_t to, double factor);

}  // namespace windtunnel::real
