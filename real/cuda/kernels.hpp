// The memory-bound kernels of a transformer, forward and backward, as host calls; their arguments
// are in kernel_arguments.hpp.
//
// Common contract: a call queues work on `stream` and returns; an error of the launch is thrown as
// EnvironmentError, a shape that makes no sense is a ContractViolation; no rows or no elements is a
// call that does nothing. Every kernel is deterministic (same input, same bits) except
// embedding_backward, whose fp32 atomics add up in any order.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "real/kernels/kernel_arguments.hpp"

namespace windtunnel::real {

void layer_norm(const LayerNorm& args, cudaStream_t stream);
void layer_norm_backward(const LayerNormBackward& args, cudaStream_t stream);
void rms_norm(const RmsNorm& args, cudaStream_t stream);
void rms_norm_backward(const RmsNormBackward& args, cudaStream_t stream);
// Scratch of the two backward calls and of column_sum, on the current device.
std::int64_t norm_workspace_bytes(std::int64_t columns);
void column_sum(const ColumnSum& args, cudaStream_t stream);
void softmax(const Softmax& args, cudaStream_t stream);
void softmax_backward(const SoftmaxBackward& args, cudaStream_t stream);
void gelu(const Gelu& args, cudaStream_t stream);
void gelu_backward(const GeluBackward& args, cudaStream_t stream);
void swiglu(const SwiGlu& args, cudaStream_t stream);
void swiglu_backward(const SwiGluBackward& args, cudaStream_t stream);
void residual_dropout(const ResidualDropout& args, cudaStream_t stream);
void dropout_backward(const DropoutBackward& args, cudaStream_t stream);
void add(const Add& args, cudaStream_t stream);
void rotary(const Rotary& args, cudaStream_t stream);
void embedding(const Embedding& args, cudaStream_t stream);
void embedding_backward(const EmbeddingBackward& args, cudaStream_t stream);
void cross_entropy(const CrossEntropy& args, cudaStream_t stream);
void cross_entropy_backward(const CrossEntropyBackward& args, cudaStream_t stream);
void sum(const Sum& args, cudaStream_t stream);
void adam_step(const AdamStep& args, cudaStream_t stream);
void copy_bytes(const CopyBytes& args, cudaStream_t stream);
void cast(const Cast& args, cudaStream_t stream);
void fill_random(const RandomFill& args, cudaStream_t stream);
void fill_random_bits(const RandomBits& args, cudaStream_t stream);
void fill_random_tokens(const RandomTokens& args, cudaStream_t stream);

}  // namespace windtunnel::real
