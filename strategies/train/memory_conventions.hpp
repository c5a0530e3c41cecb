// What a training framework keeps on the device beside weights, gradients, optimizer states and the
// activations that the layers need: one row a framework, none of them of a model or a measured row.
//
// Sources.
// DeepSpeed (microsoft/DeepSpeed, runtime/zero/stage_1_and_2.py and runtime/bf16_optimizer.py): ZeRO
// stage 1 of fp16 flattens a rank's share of the gradients and casts it to fp32 for the step (2 + 4
// bytes a parameter of the share; without ZeRO only the cast) and reduces in buckets of 5e8 elements;
// BF16_Optimizer accumulates in fp32 beside the 16-bit gradients of the micro-batch. It flattens the
// weights on the device, and the allocator keeps the blocks where they stood; the fp16 optimizer goes
// by way of the host (kept: chosen on BLOOM's sweep, plausible 0 to 0.25, where gradients reuse all
// or none of them). The pipeline makes communicators of its own beside Megatron's, and one for each
// neighbouring stage
// (runtime/pipe/topology.py, p2p.py).
// ZeRO-3 gathers 1e9 parameters at most (stage3_max_live_parameters) and steps in groups of them.
// Transformer Engine (NVIDIA/TransformerEngine, pytorch/module/base.py): where a product adds the
// weight gradient to the fp32 buffer, autograd is handed a placeholder of the weight's shape and
// format, one kept for every shape; Megatron-LM makes one for the output layer each time.
// Cross entropy: PyTorch holds 16-bit logits, the fp32 logarithm of the softmax, and the gradient in
// fp32 and in 16 bits; Megatron-LM's own 16-bit logits, their fp32 copy and the exponentials;
// Transformer Engine's overwrites the logits with their gradient.
// FSDP (pytorch/pytorch, torch/distributed/fsdp): the fp32 master is the sharded parameter; the
// group of embedding and head stays gathered from its forward to its backward pass; a gradient is
// whole, in 16 bits and in the precision it is reduced in, until it has been scattered.
#pragma once

#include "models/kernels/number_format.hpp"
#include "sim/base/quantity.hpp"
#include "strategies/train/software_stack.hpp"

namespace windtunnel::strategies {

// Of weight gradients that were added to their buffer where they were computed.
enum class Placeholders { none, one_a_shape };
// What a rank of ZeRO-3 holds of a parameter: the master copy alone, or 16-bit weights beside it.
enum class Shard { weights_and_master, master_alone };

// Communicators of a rank: one for each kind of group; or Megatron's and DeepSpeed's own, one of all
// stages' ranks, one of the tied embeddings and one for each neighbouring stage.
enum class Groups { one_a_kind, deepspeed };

struct MemoryConventions {
  double copies = 0;             // bytes a trained parameter that no data rank shares
  double step_copies = 0;        // bytes a parameter of an optimizer's share, only while it steps
  double whole_step_copies = 0;  // the same where the optimizer is not sharded
  double logit = 0;              // bytes a logit at the worst moment, what backward keeps included
  base::Bytes bucket{0};         // gradients flattened for their reduction
  Placeholders placeholders = Placeholders::none;
  Shard shard = Shard::weights_and_master;
  double live_parameters = 0;  // most that ZeRO-3 gathers at a time; 0: of two layers
  Groups groups = Groups::one_a_kind;
  base::Bytes context{0};    // CUDA context and loaded kernels
  base::Bytes scratch{0};    // workspaces of cuBLAS and of the attention library
  double fragmentation = 0;  // of activations: what giving blocks back does not heal
  double slack = 0;          // of activations: free blocks that are held while nobody asks
  double static_slack = 0;   // the same of weights and gradients
};

// `precision` is of the training: DeepSpeed's fp16 and bf16 optimizers keep different things.
MemoryConventions memory_conventions(const SoftwareStack& stack, models::NumberFormat precision);

}  // namespace windtunnel::strategies
