#include "real/kernels/gather.cuh"

#include <algorithm>
#include <cmath>

#include "real/cuda/kernels.hpp"
#include "real/cuda/launch.cuh"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

template <class T>
__global__ void __launch_bounds__(kPointwiseThreads) embedding_kernel(Embedding args) {
  embedding_body<T>(args);
}
template <class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    embedding_backward_kernel(EmbeddingBackward args) {
  embedding_backward_body<T>(args);
}
template <class T>
__global__ void __launch_bounds__(kPointwiseThreads) rotary_kernel(Rotary args) {
  rotary_body<T>(args);
}
template <class Gradient, class Weight>
__global__ void __launch_bounds__(kPointwiseThreads)
    adam_kernel(AdamStep args, AdamCorrections corrections) {
  adam_body<Gradient, Weight>(args, corrections);
}
__global__ void __launch_bounds__(1024) sum_kernel(Sum args) {
  __shared__ float shared[kRowScratchFloats];
  sum_body(args, shared);
}

unsigned row_blocks(std::int64_t rows) {
  return as_dim(std::min<std::int64_t>(rows, std::int64_t{multiprocessors()} * 32));
}

}  // namespace

void embedding(const Embedding& args, cudaStream_t stream) {
  base::expects(args.columns % kPack == 0 && args.vocabulary >= 1 && args.sequence >= 1,
                "embedding of nothing");
  if (args.rows <= 0) return;
  with_element(args.type, [&](auto tag) {
    embedding_kernel<decltype(tag)><<<row_blocks(args.rows), kPointwiseThreads, 0, stream>>>(args);
  });
  check(cudaGetLastError(), "launch of embedding");
}

void embedding_backward(const EmbeddingBackward& args, cudaStream_t stream) {
  base::expects(args.columns % kPack == 0 && args.vocabulary >= 1 && args.sequence >= 1,
                "embedding of nothing");
  if (args.rows <= 0) return;
  with_element(args.type, [&](auto tag) {
    embedding_backward_kernel<decltype(tag)>
        <<<row_blocks(args.rows), kPointwiseThreads, 0, stream>>>(args);
  });
  check(cudaGetLastError(), "launch of embedding_backward");
}

void rotary(const Rotary& args, cudaStream_t stream) {
  base::expects(args.head_dim % 16 == 0 && args.head_dim > 0, "rotary head_dim: multiple of 16");
  base::expects(args.sequence >= 1 && args.heads >= 1, "rotary of nothing");
  if (args.rows <= 0) return;
  with_element(args.type, [&](auto tag) {
    rotary_kernel<decltype(tag)><<<row_blocks(args.rows), kPointwiseThreads, 0, stream>>>(args);
  });
  check(cudaGetLastError(), "launch of rotary");
}

void adam_step(const AdamStep& args, cudaStream_t stream) {
  base::expects(args.step >= 1, "Adam counts its steps from 1");
  if (args.count <= 0) return;
  const auto correction = [&](float beta) {
    const double decayed = std::pow(static_cast<double>(beta), static_cast<double>(args.step));
    return static_cast<float>(1.0 / (1.0 - decayed));
  };
  const AdamCorrections corrections{correction(args.beta1), correction(args.beta2)};
  const unsigned blocks = as_dim(pointwise_blocks(ceil_div(args.count, kPack), multiprocessors()));
  with_element(args.gradient_type, [&](auto gradient) {
    with_element(args.type, [&](auto weight) {
      adam_kernel<decltype(gradient), decltype(weight)>
          <<<blocks, kPointwiseThreads, 0, stream>>>(args, corrections);
    });
  });
  check(cudaGetLastError(), "launch of adam_step");
}

void sum(const Sum& args, cudaStream_t stream) {
  sum_kernel<<<1, 1024, 0, stream>>>(args);
  check(cudaGetLastError(), "launch of sum");
}

}  // namespace windtunnel::real
