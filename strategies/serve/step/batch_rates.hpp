// Rates of tensor-core products inside the fused graph of an inference compiler, and the rate that a
// board keeps up.
//
// Model. Dense peak of the format on the sheet, times a share:
//   convolution  implicit GEMM; Hopper 0.52, others 0.78. Compilers' convolutions issue mma.sync,
//                which reaches 62 % of Hopper's peak (Luo et al. 2024, arXiv 2402.13499, table of
//                mma against wgmma) and all of that of its predecessors.
//   product      what a large product reaches in the kernel profile; INT8 at least 0.72 of the peak
//                (profiles measure FP8 in its place).
//   sustained    products of a whole batch, with its idle lanes, within the power limit:
//                r = r0 SMs f (w / w0)^0.6, w = limit / SMs. Clock and voltage fall together, power
//                goes with f V^2, so half the power keeps two thirds of the rate.
//                Hopper: r0 = 7.95 TFLOP/s an SM at w0 = 5.30 W (700 W, 132 SMs); Ada: 1.83 at 1.24
//                (72 W, 58 SMs), of INT8; f: FP8 0.9, 16 bits 0.58.
//                Bytes of table rows that are looked up take as much as 360 FLOPs of INT8 each (0.2 nJ:
//                DRAM pages opened for one row, the way through L2, pooling).
//                A limit on the batch and not on each kernel: the clock follows the mean of many
//                milliseconds, and kernels bound by memory leave room for the others.
// Where no such run was measured (other architectures) all three are the profile's rate within
// models::sustained_rate.
// Fitted on MLPerf Inference v4.1: ResNet-50 and BERT on L4, L40S, GH200, RetinaNet on H200, GH200
// and L4, 3D-UNet and DLRM on three H100 boards, 3D-UNet on L4 (strategies/README.md). Range: default limits.
#pragma once

#include "models/kernels/kernel_time_model.hpp"
#include "models/kernels/number_format.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::strategies {

struct BatchRates {  // FLOP/s
  double convolution = 0;
  double product = 0;
  double sustained = 0;  // of a batch; infinity: none but those above
  double lookups = 0;    // bytes/s that the same limit leaves for rows of tables
};
BatchRates batch_rates(const sim::Gpu& gpu, const models::KernelTimeModel& kernels,
                       models::NumberFormat format);

}  // namespace windtunnel::strategies
