// Native output of profilers and benchmark tools, as kernel rows.
//
// nvbandwidth (--json): `testcases` with a `bandwidth_matrix` of GB/s by the copy engine or SM kernels;
//   host_to_device, device_to_host, device_to_device (read, write, bidirectional) become copy rows of
//   its buffer size (512 MiB where it is not said). Latencies and sums over GPUs are left out.
// nvbench (--json): each state that ran gives one row of nv/cold/time/gpu/mean. Axes m, n, k make it
//   a gemm (precision from an axis T, dtype or precision); else a name with a memory-bound op in it
//   ("rms_norm_bf16") and nv/cold/bw/global/bytes_per_second make it a memory row.
// PyTorch Kineto trace (.json, .json.gz): kernels joined by `External id` to the cpu_op that launched
//   them, whose `Input Dims` and `Input type` (profile with record_shapes=True) give the shape: aten::mm,
//   addmm, bmm, baddbmm, _scaled_mm -> gemm; scaled dot product and flash attention -> attention; NCCL
//   kernels with `Collective name`, `In msg nelems`, `dtype`, `Group size` -> collective; kernels of one
//   op add up. A `ProfilerStep#` -> a step row (time_s alone; what it trained is not in a trace).
// Nsight Systems (`nsys export --type sqlite`): copies -> copy rows, one a direction and size (median
//   of its times). Its kernels carry no shapes: counted and named in `skipped`, by name.
// Contract: what cannot be used is in `skipped` or a diagnostic with line and column (JSON) or table
// name (SQLite); a truncated file is an error; never throws but EnvironmentError (no such file).
#pragma once

#include <filesystem>
#include <string>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/measurement.hpp"

namespace windtunnel::calibration {

enum class ProfilerFormat { none, nvbandwidth, nvbench, kineto, nsight };

// By its first bytes and, of JSON, by its keys. `text` holds the file, inflated; blank for `nsight`.
struct ProfilerFile {
  ProfilerFormat format = ProfilerFormat::none;
  std::string text;
};
ProfilerFile open_profiler_file(const std::filesystem::path& path);

struct ProfilerRows {
  KernelRows kernels;
  Measurements measurements;  // collective rows, step rows
};
ProfilerRows read_profiler_file(const ProfilerFile& file, const std::filesystem::path& path);

}  // namespace windtunnel::calibration
