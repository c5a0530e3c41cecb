#include "real/cuda/kernels.hpp"
#include "real/cuda/launch.cuh"
#include "real/kernels/norm.cuh"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

template <class T>
__global__ void __launch_bounds__(512) layer_norm_kernel(LayerNorm args, RowPlan plan) {
  __shared__ float shared[kRowScratchFloats];
  layer_norm_body<T>(args, plan, shared);
}
template <class T>
__global__ void __launch_bounds__(512) rms_norm_kernel(RmsNorm args, RowPlan plan) {
  __shared__ float shared[kRowScratchFloats];
  rms_norm_body<T>(args, plan, shared);
}
template <class T>
__global__ void __launch_bounds__(512) norm_backward_kernel(NormBackward args, RowPlan plan) {
  extern __shared__ float dynamic_shared[];
  norm_backward_body<T>(args, plan, dynamic_shared);
}
template <class T>
__global__ void __launch_bounds__(512) column_sum_kernel(ColumnSum args, RowPlan plan) {
  extern __shared__ float dynamic_shared[];
  column_sum_body<T>(args, plan, dynamic_shared);
}
__global__ void __launch_bounds__(kFinishThreads) finish_column_sums_kernel(PartialSums args) {
  __shared__ float shared[kFinishThreads];
  finish_column_sums_body(args, shared);
}

void expect_columns(std::int64_t columns, std::int64_t most) {
  base::expects(columns >= 1 && columns <= most && columns % kPack == 0,
                "columns of a norm are a multiple of 8, within the kernel's limit");
}

std::size_t reduction_shared_bytes(const RowPlan& plan, std::int64_t columns) {
  return sizeof(float) *
         static_cast<std::size_t>(kRowScratchFloats + (plan.groups > 1 ? columns : 0));
}

void finish_column_sums(const PartialSums& args, cudaStream_t stream) {
  finish_column_sums_kernel<<<as_dim(ceil_div(args.columns, kWarp)), kFinishThreads, 0, stream>>>(
      args);
  check(cudaGetLastError(), "launch of finish_column_sums");
}

void launch_norm_backward(const NormBackward& args, Element type, cudaStream_t stream) {
  const RowPlan plan = reduction_plan(args.rows, args.columns, multiprocessors());
  const std::size_t shared = reduction_shared_bytes(plan, args.columns);
  with_element(type, [&](auto tag) {
    norm_backward_kernel<decltype(tag)>
        <<<as_dim(plan.blocks), as_dim(plan.threads()), shared, stream>>>(args, plan);
  });
  check(cudaGetLastError(), "launch of norm_backward");
}

}  // namespace

void layer_norm(const LayerNorm& args, cudaStream_t stream) {
  expect_columns(args.columns, kMostColumns);
  if (args.rows <= 0) return;
  const RowPlan plan = row_plan(args.rows, args.columns, multiprocessors());
  with_element(args.type, [&](auto tag) {
    layer_norm_kernel<decltype(tag)>
        <<<as_dim(plan.blocks), as_dim(plan.threads()), 0, stream>>>(args, plan);
  });
  check(cudaGetLastError(), "launch of layer_norm");
}

void rms_norm(const RmsNorm& args, cudaStream_t stream) {
  expect_columns(args.columns, kMostColumns);
  if (args.rows <= 0) return;
  const RowPlan plan = row_plan(args.rows, args.columns, multiprocessors());
  with_element(args.type, [&](auto tag) {
    rms_norm_kernel<decltype(tag)>
        <<<as_dim(plan.blocks), as_dim(plan.threads()), 0, stream>>>(args, plan);
  });
  check(cudaGetLastError(), "launch of rms_norm");
}

std::int64_t norm_workspace_bytes(std::int64_t columns) {
  expect_columns(columns, kMostColumns);
  return 2 * reduction_blocks(columns, multiprocessors()) * columns *
         static_cast<std::int64_t>(sizeof(float));
}

void layer_norm_backward(const LayerNormBackward& args, cudaStream_t stream) {
  expect_columns(args.columns, kMostColumns);
  if (args.rows <= 0) return;
  float* const second = args.workspace + norm_workspace_bytes(args.columns) / 8;
  launch_norm_backward({NormKind::layer, args.dy, args.x, args.gamma, args.mean, args.rstd, args.dx,
                        args.workspace, second, args.rows, args.columns},
                       args.type, stream);
  const std::int64_t blocks = reduction_plan(args.rows, args.columns, multiprocessors()).blocks;
  finish_column_sums({args.workspace, args.dgamma, blocks, args.columns}, stream);
  finish_column_sums({second, args.dbeta, blocks, args.columns}, stream);
}

void rms_norm_backward(const RmsNormBackward& args, cudaStream_t stream) {
  expect_columns(args.columns, kMostColumns);
  if (args.rows <= 0) return;
  launch_norm_backward({NormKind::rms, args.dy, args.x, args.gamma, nullptr, args.rrms, args.dx,
                        args.workspace, nullptr, args.rows, args.columns},
                       args.type, stream);
  const std::int64_t blocks = reduction_plan(args.rows, args.columns, multiprocessors()).blocks;
  finish_column_sums({args.workspace, args.dgamma, blocks, args.columns}, stream);
}

void column_sum(const ColumnSum& args, cudaStream_t stream) {
  expect_columns(args.columns, kMostColumns);
  if (args.rows <= 0) return;
  const RowPlan plan = reduction_plan(args.rows, args.columns, multiprocessors());
  const std::size_t shared = reduction_shared_bytes(plan, args.columns);
  with_element(args.type, [&](auto tag) {
    column_sum_kernel<decltype(tag)>
        <<<as_dim(plan.blocks), as_dim(plan.threads()), shared, stream>>>(args, plan);
  });
  check(cudaGetLastError(), "launch of column_sum");
  finish_column_sums({args.workspace, args.out, plan.blocks, args.columns}, stream);
}

}  // namespace windtunnel::real
