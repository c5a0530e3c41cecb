#include "real/kernels/softmax.cuh"

#include <algorithm>

#include "real/cuda/kernels.hpp"
#include "real/cuda/launch.cuh"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

template <class T>
__global__ void __launch_bounds__(512) softmax_kernel(Softmax args, RowPlan plan) {
  __shared__ float shared[kRowScratchFloats];
  softmax_body<T>(args, plan, shared);
}
template <class T>
__global__ void __launch_bounds__(512) softmax_backward_kernel(SoftmaxBackward args, RowPlan plan) {
  __shared__ float shared[kRowScratchFloats];
  softmax_backward_body<T>(args, plan, shared);
}
template <class T>
__global__ void __launch_bounds__(512) cross_entropy_kernel(CrossEntropy args) {
  __shared__ float shared[kRowScratchFloats];
  cross_entropy_body<T>(args, shared);
}
template <class T>
__global__ void __launch_bounds__(512) cross_entropy_backward_kernel(CrossEntropyBackward args) {
  cross_entropy_backward_body<T>(args);
}

void expect_shape(std::int64_t columns, std::int64_t causal_rows, float probability) {
  base::expects(columns >= 1 && columns <= kMostColumns, "columns of softmax out of range");
  base::expects(causal_rows <= columns, "a causal softmax has at least as many keys as queries");
  base::expects(probability >= 0.0F && probability < 1.0F, "dropout probability is in [0, 1)");
}

constexpr int kCrossEntropyThreads = 512;
unsigned cross_entropy_blocks(std::int64_t rows) {
  return as_dim(std::min<std::int64_t>(rows, std::int64_t{multiprocessors()} * 16));
}

}  // namespace

void softmax(const Softmax& args, cudaStream_t stream) {
  expect_shape(args.columns, args.causal_rows, args.probability);
  if (args.rows <= 0) return;
  const RowPlan plan = row_plan(args.rows, args.columns, multiprocessors());
  with_element(args.type, [&](auto tag) {
    softmax_kernel<decltype(tag)>
        <<<as_dim(plan.blocks), as_dim(plan.threads()), 0, stream>>>(args, plan);
  });
  check(cudaGetLastError(), "launch of softmax");
}

void softmax_backward(const SoftmaxBackward& args, cudaStream_t stream) {
  expect_shape(args.columns, 0, args.probability);
  if (args.rows <= 0) return;
  const RowPlan plan = row_plan(args.rows, args.columns, multiprocessors());
  with_element(args.type, [&](auto tag) {
    softmax_backward_kernel<decltype(tag)>
        <<<as_dim(plan.blocks), as_dim(plan.threads()), 0, stream>>>(args, plan);
  });
  check(cudaGetLastError(), "launch of softmax_backward");
}

void cross_entropy(const CrossEntropy& args, cudaStream_t stream) {
  base::expects(args.columns >= 1, "cross-entropy needs a class");
  if (args.rows <= 0) return;
  with_element(args.type, [&](auto tag) {
    cross_entropy_kernel<decltype(tag)>
        <<<cross_entropy_blocks(args.rows), kCrossEntropyThreads, 0, stream>>>(args);
  });
  check(cudaGetLastError(), "launch of cross_entropy");
}

void cross_entropy_backward(const CrossEntropyBackward& args, cudaStream_t stream) {
  base::expects(args.columns >= 1, "cross-entropy needs a class");
  if (args.rows <= 0) return;
  with_element(args.type, [&](auto tag) {
    cross_entropy_backward_kernel<decltype(tag)>
        <<<cross_entropy_blocks(args.rows), kCrossEntropyThreads, 0, stream>>>(args);
  });
  check(cudaGetLastError(), "launch of cross_entropy_backward");
}

}  // namespace windtunnel::real
