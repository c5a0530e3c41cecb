// Whatever a measurement file holds: kernel rows, collective rows, whole steps, in one go.
//
// Files are told apart by their content, never by their name: measurement CSV (first column `kind`),
// native output of nccl-tests and of profilers (profiler_output.hpp), and the tables listed in kNativeReaders (aiconfigurator, Vidur,
// Frontier, LLMServingSim, InferSim), told by their columns; CSV may be gzip. A folder is all files
// below it, in order of their paths; files there that are no table (README, YAML) are passed over
// with a note, a file named outright that nobody reads is an error.
// Contract: what cannot be used is in `kernels.skipped` or `measurements.skipped` with its line; a
// file that cannot be opened is an EnvironmentError.
#pragma once

#include <filesystem>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"
#include "calibration/measurement.hpp"

namespace windtunnel::calibration {

struct MeasuredFile {
  Measurements measurements;  // collective rows, steps, serving points; `files` of all
  KernelRows kernels;         // kernel rows; their collectives moved into `measurements`

  void append(MeasuredFile more);
};

MeasuredFile read_measured_file(const std::filesystem::path& path, const LogHints& hints = {});

// The kernel rows alone of a file or folder, with the collectives of native tables in them.
KernelRows read_kernel_file(const std::filesystem::path& path);

// A reader of one kind of native table.
struct NativeReader {
  std::string_view name;  // "aiconfigurator GEMM"
  bool (*reads)(const NativeTable& table);
  void (*read)(const NativeTable& table, const std::filesystem::path& path, KernelRows& rows);
};
const std::vector<NativeReader>& native_readers();

// What the user knows and a file may not say: fills blank GPUs and stacks.
struct KernelHints {
  std::string gpu{}, stack{}, source{};
};
void fill_blanks(KernelRows& rows, const KernelHints& hints);
// Keeps the rows that pass, as apply_filters does for collectives. Columns: kind gpu stack kernel
// source file op precision m n k batch heads kv_heads head_dim q_len kv_len bytes tokens hidden
// experts top_k gpus direction phase. A filter on a column that a kind does not have drops its rows.
void apply_filters(KernelRows& rows, const std::vector<Filter>& filters);

}  // namespace windtunnel::calibration
