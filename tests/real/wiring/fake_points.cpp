// The calls that points make and steps do not; see fake_kernels.cpp. Dropout keeps everything.
#include <cuda_runtime_api.h>

#include <cstring>
#include <random>

#include "real/cuda/cublas.hpp"
#include "real/cuda/gemm.hpp"
#include "real/cuda/kernels.hpp"
#include "real/kernels/host_values.hpp"
#include "real/kernels/reference.hpp"
#include "real/steps/bfloat16.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

#undef cudaGetDeviceProperties

extern "C" {

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "NVIDIA H200");
  properties->major = 9;
  properties->multiProcessorCount = 4;
  properties->l2CacheSize = 64 << 10;
  properties->totalGlobalMem = 1 << 30;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
  for (std::size_t row = 0; row < height; ++row) {
    cudaMemcpy(static_cast<char*>(to) + row * to_pitch,
               static_cast<const char*>(from) + row * from_pitch, width, kind);
  }
  return cudaSuccess;
}

}  // extern "C"

namespace windtunnel::real {
namespace {

double get(const void* at, Element type, std::int64_t i) {
  if (type == Element::fp32) return static_cast<double>(static_cast<const float*>(at)[i]);
  return bfloat16_value(static_cast<const std::uint16_t*>(at)[i]);
}
void put(void* at, Element type, std::int64_t i, double value) {
  if (type == Element::fp32) {
    static_cast<float*>(at)[i] = static_cast<float>(value);
  } else {
    static_cast<std::uint16_t*>(at)[i] = to_bfloat16(static_cast<float>(value));
  }
}
reference::Matrix read(const void* at, Element type, std::int64_t rows, std::int64_t columns) {
  reference::Matrix matrix = reference::zeros(rows, columns);
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    matrix.values[static_cast<std::size_t>(i)] = get(at, type, i);
  }
  return matrix;
}
void write(void* at, Element type, const reference::Matrix& matrix) {
  for (std::size_t i = 0; i < matrix.values.size(); ++i) {
    put(at, type, static_cast<std::int64_t>(i), matrix.values[i]);
  }
}

}  // namespace

void softmax(const Softmax& a, cudaStream_t stream) {
  fake::launch(stream, [a] {
    const auto x = read(a.x, a.type, a.rows, a.columns);
    write(a.y, a.type, reference::softmax(x, static_cast<double>(a.scale), a.causal_rows));
  });
}
void softmax_backward(const SoftmaxBackward& a, cudaStream_t stream) {
  fake::launch(stream, [a] {
    const auto dy = read(a.dy, a.type, a.rows, a.columns), p = read(a.p, a.type, a.rows, a.columns);
    write(a.dx, a.type, reference::softmax_backward(dy, p, static_cast<double>(a.scale)));
  });
}
void residual_dropout(const ResidualDropout& a, cudaStream_t stream) {
  fake::launch(stream, [a] {
    for (std::int64_t i = 0; i < a.count; ++i) {
      put(a.y, a.type, i, get(a.x, a.type, i) + get(a.residual, a.type, i));
    }
  });
}
void dropout_backward(const DropoutBackward& a, cudaStream_t stream) {
  fake::launch(stream, [a] {
    for (std::int64_t i = 0; i < a.count; ++i) put(a.dx, a.type, i, get(a.dy, a.type, i));
  });
}
void copy_bytes(const CopyBytes& a, cudaStream_t stream) {
  fake::launch(stream, [a] { std::memcpy(a.out, a.in, static_cast<std::size_t>(a.bytes)); });
}
void fill_random_bits(const RandomBits& a, cudaStream_t stream) {
  fake::launch(stream, [a] {
    std::mt19937_64 random(a.seed);
    for (std::int64_t i = 0; i < a.bytes; ++i) {
      static_cast<unsigned char*>(a.out)[i] = static_cast<unsigned char>(random() & a.mask);
    }
  });
}

Cublas::Cublas() = default;
Cublas::~Cublas() = default;
void Cublas::run(const GemmProblem&, const GemmOperands&, cudaStream_t) const {}
std::string describe(const GemmProblem&) {
  return "a GEMM";
}
std::string GemmPlan::algorithm() const {
  return "plain loops";
}
std::int64_t bytes_of_a(const GemmProblem& p) {
  return p.batch * p.m * p.k * 2;
}
std::int64_t bytes_of_b(const GemmProblem& p) {
  return p.batch * p.n * p.k * 2;
}
std::int64_t bytes_of_c(const GemmProblem& p) {
  return p.batch * p.m * p.n * 2;
}

}  // namespace windtunnel::real
