#include "real/kernels/attention_forward.cuh"

#include "real/cuda/attention_launch.cuh"

namespace windtunnel::real {
namespace {

template <class T, int D>
__global__ void __launch_bounds__(ForwardGeometry<D>::kThreads, 2)
    attention_forward_kernel(const __grid_constant__ AttentionForward args, float scale) {
  extern __shared__ __align__(16) unsigned char dynamic_shared[];
  attention_forward_body<T, D>(args, scale, reinterpret_cast<T*>(dynamic_shared));
}

}  // namespace

void attention_forward(const AttentionForward& args, cudaStream_t stream) {
  with_attention_kernel(args.shape, [&](auto tag, auto head_dim) {
    using Geometry = ForwardGeometry<decltype(head_dim)::value>;
    const auto kernel = attention_forward_kernel<decltype(tag), decltype(head_dim)::value>;
    allow_shared_memory(kernel, Geometry::kSharedBytes);
    const dim3 grid(as_dim(ceil_div(args.shape.q_len, Geometry::kQueries)),
                    as_dim(args.shape.heads), as_dim(args.shape.batch));
    kernel<<<grid, Geometry::kThreads, Geometry::kSharedBytes, stream>>>(
        args, attention_scale(args.shape));
  });
  check(cudaGetLastError(), "launch of attention_forward");
}

}  // namespace windtunnel::real
