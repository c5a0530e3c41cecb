#include "real/kernels/pointwise.cuh"

#include <algorithm>

#include "real/cuda/kernels.hpp"
#include "real/cuda/launch.cuh"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

// One __global__ function for every body: `Body` says which, `Args` are its arguments.
template <class Body, class Args>
__global__ void __launch_bounds__(kPointwiseThreads) pointwise_kernel(Args args) {
  Body::run(args);
}

template <class T>
struct GeluBody {
  static __device__ void run(const Gelu& args) { gelu_body<T>(args); }
};
template <class T>
struct GeluBackwardBody {
  static __device__ void run(const GeluBackward& args) { gelu_backward_body<T>(args); }
};
template <class T>
struct SwiGluBody {
  static __device__ void run(const SwiGlu& args) { swiglu_body<T>(args); }
};
template <class T>
struct SwiGluBackwardBody {
  static __device__ void run(const SwiGluBackward& args) { swiglu_backward_body<T>(args); }
};
template <class T>
struct ResidualDropoutBody {
  static __device__ void run(const ResidualDropout& args) { residual_dropout_body<T>(args); }
};
template <class T>
struct DropoutBackwardBody {
  static __device__ void run(const DropoutBackward& args) { dropout_backward_body<T>(args); }
};
template <class T>
struct AddBody {
  static __device__ void run(const Add& args) { add_body<T>(args); }
};
template <class From, class To>
struct CastBody {
  static __device__ void run(const Cast& args) { cast_body<From, To>(args); }
};
struct CopyBody {
  static __device__ void run(const CopyBytes& args) { copy_body(args); }
};
template <class T>
struct FillRandomBody {
  static __device__ void run(const RandomFill& args) { fill_random_body<T>(args); }
};
struct FillRandomBitsBody {
  static __device__ void run(const RandomBits& args) { fill_random_bits_body(args); }
};
struct FillRandomTokensBody {
  static __device__ void run(const RandomTokens& args) { fill_random_tokens_body(args); }
};

template <class Body, class Args>
void launch(const Args& args, std::int64_t packs, cudaStream_t stream) {
  if (packs <= 0) return;
  const unsigned blocks = as_dim(pointwise_blocks(packs, multiprocessors()));
  pointwise_kernel<Body, Args><<<blocks, kPointwiseThreads, 0, stream>>>(args);
}
// Blocks over rows.
template <class Body, class Args>
void launch_rows(const Args& args, std::int64_t rows, cudaStream_t stream) {
  if (rows <= 0) return;
  const std::int64_t most = std::int64_t{multiprocessors()} * 32;
  pointwise_kernel<Body, Args>
      <<<as_dim(std::min(rows, most)), kPointwiseThreads, 0, stream>>>(args);
}

void expect_probability(float probability) {
  base::expects(probability >= 0.0F && probability < 1.0F, "dropout probability is in [0, 1)");
}

}  // namespace

void gelu(const Gelu& args, cudaStream_t stream) {
  with_element(args.type, [&](auto tag) {
    launch<GeluBody<decltype(tag)>>(args, ceil_div(args.count, kPack), stream);
  });
  check(cudaGetLastError(), "launch of gelu");
}

void gelu_backward(const GeluBackward& args, cudaStream_t stream) {
  with_element(args.type, [&](auto tag) {
    launch<GeluBackwardBody<decltype(tag)>>(args, ceil_div(args.count, kPack), stream);
  });
  check(cudaGetLastError(), "launch of gelu_backward");
}

void swiglu(const SwiGlu& args, cudaStream_t stream) {
  base::expects(args.columns % kPack == 0, "SwiGLU takes a multiple of 8 columns");
  with_element(args.type,
               [&](auto tag) { launch_rows<SwiGluBody<decltype(tag)>>(args, args.rows, stream); });
  check(cudaGetLastError(), "launch of swiglu");
}

void swiglu_backward(const SwiGluBackward& args, cudaStream_t stream) {
  base::expects(args.columns % kPack == 0, "SwiGLU takes a multiple of 8 columns");
  with_element(args.type, [&](auto tag) {
    launch_rows<SwiGluBackwardBody<decltype(tag)>>(args, args.rows, stream);
  });
  check(cudaGetLastError(), "launch of swiglu_backward");
}

void residual_dropout(const ResidualDropout& args, cudaStream_t stream) {
  expect_probability(args.probability);
  with_element(args.type, [&](auto tag) {
    launch<ResidualDropoutBody<decltype(tag)>>(args, ceil_div(args.count, kPack), stream);
  });
  check(cudaGetLastError(), "launch of residual_dropout");
}

void dropout_backward(const DropoutBackward& args, cudaStream_t stream) {
  expect_probability(args.probability);
  with_element(args.type, [&](auto tag) {
    launch<DropoutBackwardBody<decltype(tag)>>(args, ceil_div(args.count, kPack), stream);
  });
  check(cudaGetLastError(), "launch of dropout_backward");
}

void add(const Add& args, cudaStream_t stream) {
  with_element(args.type, [&](auto tag) {
    launch<AddBody<decltype(tag)>>(args, ceil_div(args.count, kPack), stream);
  });
  check(cudaGetLastError(), "launch of add");
}

void cast(const Cast& args, cudaStream_t stream) {
  with_element(args.from, [&](auto from) {
    with_element(args.to, [&](auto to) {
      launch<CastBody<decltype(from), decltype(to)>>(args, ceil_div(args.count, kPack), stream);
    });
  });
  check(cudaGetLastError(), "launch of cast");
}

void copy_bytes(const CopyBytes& args, cudaStream_t stream) {
  launch<CopyBody>(args, ceil_div(args.bytes, 16), stream);
  check(cudaGetLastError(), "launch of copy_bytes");
}

void fill_random(const RandomFill& args, cudaStream_t stream) {
  with_element(args.type, [&](auto tag) {
    launch<FillRandomBody<decltype(tag)>>(args, ceil_div(args.count, kPack), stream);
  });
  check(cudaGetLastError(), "launch of fill_random");
}

void fill_random_bits(const RandomBits& args, cudaStream_t stream) {
  launch<FillRandomBitsBody>(args, ceil_div(args.bytes, 16), stream);
  check(cudaGetLastError(), "launch of fill_random_bits");
}

void fill_random_tokens(const RandomTokens& args, cudaStream_t stream) {
  base::expects(args.limit >= 1 && args.limit <= 0x7fffffff, "tokens are int32");
  launch<FillRandomTokensBody>(args, args.count, stream);
  check(cudaGetLastError(), "launch of fill_random_tokens");
}

}  // namespace windtunnel::real
