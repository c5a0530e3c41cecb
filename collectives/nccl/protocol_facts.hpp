// How NCCL's protocols move a collective: payload, chunk, slots and channels, for simulations that
// write messages out one by one (`steps`) with a protocol.
//
// Model (nccl.md section 8; src/device, src/enqueue.cc): a connection has 8 slots. LL sends 4 bytes
// of data with 4 of flag, LL128 120 of 128, Simple all. A chunk is what one step of a channel
// carries: 4 slots for Ring/Simple all-reduce, all-gather and reduce-scatter, else one slot; NVLS
// and Tree/LL128 take smaller chunks for smaller buffers. Channels: all of them while each has work
// for its threads.
#pragma once

#include "collectives/nccl/cost_model.hpp"

namespace windtunnel::collectives::nccl {

struct ProtocolFacts {
  double payload = 1.0;          // data / bytes on the wire
  int slots = 8;                 // chunks under way on one connection, at most
  base::Bytes chunk{0};          // data of one step on one channel; never 0
  int channels = 1;              // used at this size
  base::Seconds start{0};        // base latency
  base::Seconds hop_inside{0};   // one step to a GPU of the same node
  base::Seconds hop_between{0};  // one step to another node
};

// Pre: bytes >= 0; `algorithm` has that protocol.
ProtocolFacts protocol_facts(const CostModel& model, Op op, NcclAlgorithm algorithm,
                             Protocol protocol, base::Bytes bytes);

}  // namespace windtunnel::collectives::nccl
