#include "real/kernels/attention_backward.cuh"

#include "real/cuda/attention_launch.cuh"

namespace windtunnel::real {
namespace {

template <class T, int D>
__global__ void __launch_bounds__(BackwardGeometry<D>::kThreads, 1)
    attention_backward_kernel(const __grid_constant__ AttentionBackward args,
                              BackwardScratch scratch, float scale) {
  extern __shared__ __align__(16) unsigned char dynamic_shared[];
  attention_backward_body<T, D>(args, scratch, scale, reinterpret_cast<T*>(dynamic_shared));
}
template <class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    attention_delta_kernel(const __grid_constant__ AttentionBackward args, float* delta) {
  attention_delta_body<T>(args, delta);
}
template <class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    attention_dq_kernel(const __grid_constant__ AttentionBackward args, const float* dq_sums,
                        float scale) {
  attention_dq_body<T>(args, dq_sums, scale);
}

}  // namespace

void attention_backward(const AttentionBackward& args, cudaStream_t stream) {
  const AttentionShape& shape = args.shape;
  const std::int64_t rows = shape.batch * shape.heads * shape.q_len;
  const std::int64_t sums = rows * shape.head_dim;
  const BackwardScratch scratch{static_cast<float*>(args.workspace),
                                static_cast<float*>(args.workspace) + sums};
  with_attention_kernel(shape, [&](auto tag, auto head_dim) {
    using T = decltype(tag);
    using Geometry = BackwardGeometry<decltype(head_dim)::value>;
    const float scale = attention_scale(shape);
    const auto kernel = attention_backward_kernel<T, decltype(head_dim)::value>;
    allow_shared_memory(kernel, Geometry::kSharedBytes);
    check(
        cudaMemsetAsync(scratch.dq_sums, 0, static_cast<std::size_t>(sums) * sizeof(float), stream),
        "cudaMemsetAsync of dq");
    attention_delta_kernel<T><<<as_dim(pointwise_blocks(rows * kWarp, multiprocessors())),
                                kPointwiseThreads, 0, stream>>>(args, scratch.delta);
    const dim3 grid(as_dim(ceil_div(shape.kv_len, Geometry::kKeys)), as_dim(shape.kv_heads),
                    as_dim(shape.batch));
    kernel<<<grid, Geometry::kThreads, Geometry::kSharedBytes, stream>>>(args, scratch, scale);
    attention_dq_kernel<T><<<as_dim(pointwise_blocks(sums / kPack, multiprocessors())),
                             kPointwiseThreads, 0, stream>>>(args, scratch.dq_sums, scale);
  });
  check(cudaGetLastError(), "launch of attention_backward");
}

}  // namespace windtunnel::real
