#include "calibration/kernels/aiconfigurator_gemm.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>

#include "calibration/kernels/native_names.hpp"
#include "calibration/kernels/source_index.hpp"
#include "models/gpu_library.hpp"
#include "models/kernels/gemm_form.hpp"

namespace windtunnel::calibration {
namespace {

// "trt_flow_/weight_only.../PLUGIN_V2_..." -> "trt_flow": the rest names the layer, not the kernel.
std::string_view kernel_name(std::string_view source) {
  constexpr std::string_view kTrtFlow = "trt_flow";
  return source.starts_with(kTrtFlow) ? kTrtFlow : source;
}

}  // namespace

std::string gemm_fault(const models::GemmQuery& query, double seconds) {
  if (query.m < 1 || query.n < 1 || query.k < 1) return "m, n and k are not all counts above 0";
  if (query.batch < 1 || query.groups < 1) return "batch or groups is not a count above 0";
  if (!std::isfinite(seconds)) return "the time is not a number";
  return seconds > 0.0 ? "" : "the time is not above 0";
}

void drop_impossible_gemm(std::size_t first, KernelRows& rows) {
  std::map<std::string, std::optional<sim::Gpu>> gpus;
  std::size_t kept = first;
  for (std::size_t i = first; i < rows.gemm.size(); ++i) {
    const auto& row = rows.gemm[i];
    const RowSource& source = rows.sources[static_cast<std::size_t>(row.source)];
    auto [gpu, is_new] = gpus.try_emplace(source.gpu);
    if (is_new) gpu->second = models::gpu_named(source.gpu);
    if (gpu->second) {
      const auto peak = models::math_rate(*gpu->second, row.query.format).peak;
      const base::Seconds least = flops(row.query) / peak / kBoostOverPeak;
      if (peak.value() > 0.0 && row.time < least) {
        rows.skipped.push_back(
            {{source.file, row.line},
             fmt::format("{:.4g} s is less than the {:.4g} s its math needs at the peak of {}",
                         row.time.value(), least.value(), source.gpu)});
        continue;
      }
    }
    rows.gemm[kept++] = rows.gemm[i];
  }
  rows.gemm.resize(kept);
}

bool is_aiconfigurator_gemm(const NativeTable& table) {
  return table.has({"gemm_dtype", "m", "n", "k", "latency"});
}

void read_aiconfigurator_gemm(const NativeTable& table, const std::filesystem::path& path,
                              KernelRows& rows) {
  const int framework = table.column("framework"), version = table.column("version");
  const int device = table.column("device"), kernel = table.column("kernel_source");
  const int dtype = table.column("gemm_dtype"), latency = table.column("latency");
  const int m = table.column("m"), n = table.column("n"), k = table.column("k");
  SourceIndex sources(rows, path.string(), "aiconfigurator " + table.file().name);
  std::map<std::string, std::int32_t, std::less<>> known;  // by the row's text up to gemm_dtype
  const std::size_t first = rows.gemm.size();
  rows.gemm.reserve(first + table.rows());
  std::string key;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const auto format = aiconfigurator_format(table.text(i, dtype));
    if (!format) {
      skip_row(table, i, fmt::format("unknown gemm_dtype '{}'", table.text(i, dtype)), path, rows);
      continue;
    }
    models::GemmQuery query;
    query.m = table.integer(i, m);
    query.n = table.integer(i, n);
    query.k = table.integer(i, k);
    query.format = *format;
    const double seconds = 1e-3 * table.number(i, latency);
    if (std::string fault = gemm_fault(query, seconds); !fault.empty()) {
      skip_row(table, i, std::move(fault), path, rows);
      continue;
    }
    const std::string_view name = kernel_name(table.text(i, kernel));
    key.assign(table.text(i, framework)).append(table.text(i, version));
    key.append(table.text(i, device)).append(name);
    auto at = known.find(key);
    if (at == known.end()) {
      const auto source =
          sources.of(gpu_of_device(table.text(i, device)),
                     stack_text(table.text(i, framework), table.text(i, version)), name);
      at = known.emplace(key, source).first;
    }
    rows.gemm.push_back({query, base::Seconds(seconds), at->second, table.line(i)});
  }
  drop_impossible_gemm(first, rows);
}

bool is_infersim_gemm(const NativeTable& table) {
  return table.has({"m", "k", "n", "latency_us", "mfu"});
}

void read_infersim_gemm(const NativeTable& table, const std::filesystem::path& path,
                        KernelRows& rows) {
  const int m = table.column("m"), n = table.column("n"), k = table.column("k");
  const int latency = table.column("latency_us");
  const std::string gpu = gpu_of_device(path.parent_path().filename().string());
  SourceIndex sources(rows, path.string(), "InferSim " + table.file().name);
  const std::int32_t source = sources.of(gpu, "deepgemm", "DeepGEMM");
  const std::size_t first = rows.gemm.size();
  for (std::size_t i = 0; i < table.rows(); ++i) {
    models::GemmQuery query;
    query.m = table.integer(i, m);
    query.n = table.integer(i, n);
    query.k = table.integer(i, k);
    query.format = models::NumberFormat::fp8_block;
    const double seconds = 1e-6 * table.number(i, latency);
    if (std::string fault = gemm_fault(query, seconds); !fault.empty()) {
      skip_row(table, i, std::move(fault), path, rows);
      continue;
    }
    rows.gemm.push_back({query, base::Seconds(seconds), source, table.line(i)});
  }
  drop_impossible_gemm(first, rows);
}

}  // namespace windtunnel::calibration
