// What a device needs for a moment, beside what it holds from pass to pass.
//
// Model, bytes at the moment when the activations of a device are at their most:
//   library      workspaces (memory_conventions.hpp)
//   gathered     ZeRO-3: the weights of the largest layer and of the next, or as many as the
//                framework gathers at most. FSDP also those of the group of embedding and head with
//                the head's 16-bit gradient, which wait for the end of the backward pass, and the
//                gradient of a layer: whole, in 16 bits and as it is reduced
//   logits       what the loss takes beside what backward keeps: rows x vocabulary / tensor
//   placeholders one 16-bit tensor for every shape of a layer's matrices, and one for the output
//                layer (Transformer Engine's and Megatron-LM's weight gradients in fp32 buffers)
//   new gradient a weight gradient before it is added to the sum: the largest matrix where that is
//                a kernel of its own, the token table in any framework; the table's comes last, when
//                the micro-batch has given back what it kept
//   streams      the gradient of the residual stream; with sequence parallelism also the gathered one
//   and outside the allocator: communicators' buffers. A communicator has channels x connections x
//   (4 MiB of Simple + 4.7 of LL128 + 0.5 of LL) (NVIDIA/nccl, src/include/device.h and the buffer
//   defaults): a ring of 24 channels about 0.25 GiB; between nodes the double tree's connections come
//   on top, twice that.
#pragma once

#include <vector>

#include "models/networks/network.hpp"
#include "sim/base/quantity.hpp"
#include "strategies/train/memory_conventions.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

class ScratchMemory {
 public:
  ScratchMemory(const TrainPlan& plan, const models::Network& network,
                const MemoryConventions& conventions)
      : plan_(plan), network_(network), conventions_(conventions) {}

  // Of a device that holds these chunks; `kept` of one micro-batch by the chunk of the embedding.
  base::Bytes of(const std::vector<ChunkOfModel>& chunks, base::Bytes kept) const;

 private:
  base::Bytes gathered(const std::vector<ChunkOfModel>& chunks) const;
  base::Bytes logits() const;
  base::Bytes placeholders(const std::vector<ChunkOfModel>& chunks) const;
  base::Bytes new_gradient(const std::vector<ChunkOfModel>& chunks, base::Bytes kept) const;
  base::Bytes streams() const;
  const models::Block& layer(const ChunkOfModel& chunk, std::int64_t i) const;

  const TrainPlan& plan_;
  const models::Network& network_;
  const MemoryConventions& conventions_;
};

base::Bytes communicator_bytes(const TrainPlan& plan, Groups groups);

}  // namespace windtunnel::strategies
