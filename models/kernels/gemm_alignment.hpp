// Batched products whose matrices do not begin at multiples of 16 bytes.
//
// A strided batched GEMM of cuBLAS reads tensor-core fragments 16 bytes at a time. Where a width is no
// multiple of that (8 elements of 16 bits), every second row or head begins elsewhere and the library
// takes its kernels without tensor cores, which multiply 16-bit operands at the rate of FP32 and
// reach a share of it: rate <= 0.5 x FP32 peak (19.5 TFLOP/s on an A100, a twelfth of what its
// tensor cores reach there). So attention made of products falls off a cliff at a head_dim that 8 does
// not divide: 108, 150. Single GEMMs have kernels for any alignment and are left alone.
// Source: NVIDIA, "Matrix Multiplication Background User's Guide", section 2.1 (16-byte alignment);
// the share from two pairs of BLOOM runs of one day each, 96 heads of 144 against 128 of 108: 38 % and
// 33 % slower (plausible range 0.4 to 0.7).
#pragma once

#include "models/kernels/kernel_query.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

inline constexpr std::int64_t kAlignedElements = 8;  // 16 bytes of 16-bit elements
inline constexpr double kUnalignedShare = 0.5;       // of the FP32 peak

bool is_unaligned(const GemmQuery& query);

// The least time of such a product; 0 for every other.
base::Seconds unaligned_time(const sim::Gpu& gpu, const GemmQuery& query);

}  // namespace windtunnel::models
