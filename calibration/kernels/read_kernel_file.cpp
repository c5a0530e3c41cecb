#include "calibration/kernels/read_kernel_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibration/kernels/aiconfigurator_gemm.hpp"
#include "calibration/kernels/all_reduce_tables.hpp"
#include "calibration/kernels/attention_tables.hpp"
#include "calibration/kernels/gemm_layer_tables.hpp"
#include "calibration/kernels/kernel_csv.hpp"
#include "calibration/kernels/memory_tables.hpp"
#include "calibration/kernels/moe_tables.hpp"
#include "calibration/kernels/profiler_output.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;

bool is_gzip(const fs::path& path) {
  return path.extension() == ".gz";
}

std::string joined_columns(const NativeTable& table) {
  std::vector<std::string> some(
      table.columns().begin(),
      table.columns().begin() +
          static_cast<std::ptrdiff_t>(std::min<std::size_t>(table.columns().size(), 6)));
  return fmt::format("{}{}", fmt::join(some, ", "), table.columns().size() > 6 ? ", ..." : "");
}

// Reads the table with every reader that knows its columns (a layer profile holds GEMMs and
// memory-bound ops). False where none does.
bool read_with_native(const NativeTable& table, const fs::path& path, KernelRows& rows) {
  bool known = false;
  for (const NativeReader& reader : native_readers()) {
    if (!reader.reads(table)) continue;
    reader.read(table, path, rows);
    known = true;
  }
  if (!known) return false;
  MeasurementFile file = table.file();
  file.format = "native table";
  rows.files.push_back(std::move(file));
  if (table.rows() == 0 && !rows.diagnostics.has_errors())
    rows.diagnostics.error({path.string(), 1, 1}, "the file holds a header and no rows");
  return true;
}

enum class Unknown { is_an_error, is_passed_over };

MeasuredFile read_one(const fs::path& path, const LogHints& hints, Unknown unknown);

bool looks_native(const std::string& header) {
  return header.find(',') != std::string::npos && !header.starts_with("kind,") &&
         !header.starts_with("{") && !header.starts_with("#");
}

MeasuredFile read_folder(const fs::path& folder, const LogHints& hints) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  MeasuredFile all;
  for (const fs::path& path : paths) all.append(read_one(path, hints, Unknown::is_passed_over));
  if (all.kernels.files.empty() && all.measurements.files.empty())
    all.measurements.diagnostics.error({folder.string(), 0, 0},
                                       "no file below this folder is a measurement file");
  return all;
}

MeasuredFile read_one(const fs::path& path, const LogHints& hints, Unknown unknown) {
  MeasuredFile out;
  if (fs::file_size(path) == 0) {
    out.measurements.diagnostics.error({path.string(), 1, 1}, "the file is empty");
    return out;
  }
  if (const ProfilerFile profiler = open_profiler_file(path);
      profiler.format != ProfilerFormat::none) {
    ProfilerRows rows = read_profiler_file(profiler, path);
    out.kernels = std::move(rows.kernels);
    out.measurements = std::move(rows.measurements);
    return out;
  }
  const std::string header = native_table_header(path);
  if (is_gzip(path) || looks_native(header)) {
    base::Diagnostics diagnostics;
    const NativeTable table = read_native_table(path, diagnostics);
    if (read_with_native(table, path, out.kernels)) {
      out.kernels.diagnostics.append(diagnostics);
      return out;
    }
    if (unknown == Unknown::is_passed_over) return out;
    if (is_gzip(path) || diagnostics.has_errors()) {
      out.kernels.diagnostics.append(diagnostics);
      if (!diagnostics.has_errors())
        out.kernels.diagnostics.error(
            {path.string(), 1, 1},
            fmt::format("no reader knows a table of these columns: {}", joined_columns(table)));
      return out;
    }
  }
  Measurements read = read_measurement_file(path, hints);
  if (unknown == Unknown::is_passed_over && !read.files.empty() && read.files[0].format.empty())
    return out;  // a README, a YAML file
  take_kernel_rows(read, out.kernels);
  out.measurements.append(std::move(read));
  return out;
}

}  // namespace

const std::vector<NativeReader>& native_readers() {
  static const std::vector<NativeReader> kReaders{
      {"aiconfigurator GEMM", is_aiconfigurator_gemm, read_aiconfigurator_gemm},
      {"aiconfigurator attention", is_aiconfigurator_attention, read_aiconfigurator_attention},
      {"aiconfigurator MoE", is_aiconfigurator_moe, read_aiconfigurator_moe},
      {"InferSim GEMM", is_infersim_gemm, read_infersim_gemm},
      {"Vidur and Frontier projections", is_projection_table, read_projection_table},
      {"LLMServingSim projections", is_layer_gemm_table, read_layer_gemm_table},
      {"InferSim attention", is_infersim_attention, read_infersim_attention},
      {"InferSim grouped GEMM", is_infersim_grouped_gemm, read_infersim_grouped_gemm},
      {"Vidur attention", is_vidur_attention, read_vidur_attention},
      {"Frontier MoE", is_frontier_moe, read_frontier_moe},
      {"LLMServingSim attention", is_step_attention, read_step_attention},
      {"LLMServingSim experts", is_expert_table, read_expert_table},
      {"aiconfigurator NCCL", is_nccl_table, read_nccl_table},
      {"aiconfigurator custom all-reduce", is_custom_all_reduce_table,
       read_custom_all_reduce_table},
      {"Vidur and Frontier projections", is_projection_table, read_projection_table},
      {"LLMServingSim projections", is_layer_gemm_table, read_layer_gemm_table},
      {"Vidur and Frontier layers", is_layer_table, read_layer_table},
      {"LLMServingSim dense layers", is_dense_table, read_dense_table},
  };
  return kReaders;
}

void MeasuredFile::append(MeasuredFile more) {
  measurements.append(std::move(more.measurements));
  kernels.append(std::move(more.kernels));
}

MeasuredFile read_measured_file(const fs::path& path, const LogHints& hints) {
  std::error_code failed;
  if (!fs::exists(path, failed)) throw base::EnvironmentError("cannot read " + path.string());
  MeasuredFile out = fs::is_directory(path) ? read_folder(path, hints)
                                            : read_one(path, hints, Unknown::is_an_error);
  auto& found = out.kernels.collectives;
  auto& to = out.measurements.collectives;
  to.insert(to.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  found.clear();
  return out;
}

KernelRows read_kernel_file(const fs::path& path) {
  MeasuredFile read = read_measured_file(path);
  KernelRows rows = std::move(read.kernels);
  rows.collectives = std::move(read.measurements.collectives);
  rows.diagnostics.append(read.measurements.diagnostics);
  for (MeasurementFile& file : read.measurements.files) rows.files.push_back(std::move(file));
  for (SkippedRow& row : read.measurements.skipped) rows.skipped.push_back(std::move(row));
  return rows;
}

}  // namespace windtunnel::calibration
