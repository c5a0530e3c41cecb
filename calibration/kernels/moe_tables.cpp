#include "calibration/kernels/moe_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "calibration/kernels/attention_tables.hpp"
#include "calibration/kernels/native_names.hpp"
#include "calibration/kernels/source_index.hpp"
#include "models/gpu_library.hpp"
#include "models/kernels/moe_form.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;
using models::MoeQuery;

std::string fault(const MoeQuery& q, double seconds) {
  if (!(seconds > 0.0)) return "latency is no time above 0";
  for (const std::int64_t n :
       {q.tokens, q.hidden, q.intermediate, q.top_k, q.experts, q.tensor_ranks, q.expert_ranks}) {
    if (n < 1) return "a count is below 1 or missing";
  }
  if (q.top_k > q.experts) return "more experts a token than experts";
  if (q.expert_ranks > q.experts) return "more expert ranks than experts";
  return "";
}

// Keeps a sound row, skips another with its reason.
void keep(const NativeTable& table, std::size_t at, KernelRow<MoeQuery> row, const fs::path& path,
          KernelRows& rows) {
  std::string reason = fault(row.query, row.time.value());
  if (!reason.empty()) {
    skip_row(table, at, std::move(reason), path, rows);
    return;
  }
  row.line = table.line(at);
  rows.moe.push_back(row);
}

void drop_impossible_moe(std::size_t first, KernelRows& rows) {
  std::map<std::int32_t, std::optional<sim::Gpu>> sheets;
  const auto possible = [&](const KernelRow<MoeQuery>& row) {
    auto [at, is_new] = sheets.try_emplace(row.source);
    const RowSource& source = rows.sources[static_cast<std::size_t>(row.source)];
    if (is_new) at->second = models::gpu_named(source.gpu);
    if (!at->second) return true;
    const double least =
        models::moe_least_time(row.query, models::moe_device(*at->second, row.query.format));
    if (row.time.value() * kDeviceTolerance >= least) return true;
    rows.skipped.push_back(
        {{source.file, row.line},
         fmt::format("faster than the device can be: {:.3g} us, where its limit is {:.3g} us",
                     row.time.value() * 1e6, least * 1e6)});
    return false;
  };
  const auto begin = rows.moe.begin() + static_cast<std::ptrdiff_t>(first);
  rows.moe.erase(std::stable_partition(begin, rows.moe.end(), possible), rows.moe.end());
}

// Exponent of "power_law_1.01", 0 of "balanced" and "uniform"; nothing of what is neither.
std::optional<double> skew_of(std::string_view distribution) {
  constexpr std::string_view kPower = "power_law_";
  if (distribution == "balanced" || distribution == "uniform") return 0.0;
  if (distribution.ends_with("_eplb")) return 0.0;
  if (!distribution.starts_with(kPower)) return std::nullopt;
  const std::string_view digits = distribution.substr(kPower.size());
  double exponent = 0.0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return exponent;
}

std::string first_gpu_folder(const fs::path& path) {
  constexpr std::array kFolders{"h800", "h20", "h100", "a100", "a800", "RTX4090", "RTXPRO6000"};
  for (const fs::path& part : path) {
    for (const char* folder : kFolders) {
      if (part.string().starts_with(folder)) return gpu_of_device(folder);
    }
  }
  return "";
}

}  // namespace

bool is_aiconfigurator_moe(const NativeTable& table) {
  return table.has({"moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts",
                    "moe_tp_size", "moe_ep_size", "distribution", "latency"});
}

void read_aiconfigurator_moe(const NativeTable& t, const fs::path& path, KernelRows& rows) {
  const int dtype = t.column("moe_dtype"), tokens = t.column("num_tokens");
  const int hidden = t.column("hidden_size"), inter = t.column("inter_size");
  const int top_k = t.column("topk"), experts = t.column("num_experts");
  const int slots = t.column("num_slots"), tensor = t.column("moe_tp_size");
  const int ranks = t.column("moe_ep_size"), law = t.column("distribution");
  const int latency = t.column("latency"), device = t.column("device");
  const int framework = t.column("framework"), version = t.column("version");
  const int kernel = t.column("kernel_source"), op = t.column("op_name");
  SourceIndex sources(rows, path.string(), "aiconfigurator " + t.file().name);
  const std::size_t first = rows.moe.size();
  for (std::size_t i = 0; i < t.rows(); ++i) {
    const auto format = aiconfigurator_format(t.text(i, dtype));
    const auto skew = skew_of(t.text(i, law));
    if (!format || !skew) {
      skip_row(t, i,
               format ? fmt::format("unknown distribution '{}'", t.text(i, law))
                      : fmt::format("unknown number format '{}'", t.text(i, dtype)),
               path, rows);
      continue;
    }
    KernelRow<MoeQuery> row;
    MoeQuery& q = row.query;
    q.tokens = t.integer(i, tokens);
    q.hidden = t.integer(i, hidden);
    q.intermediate = t.integer(i, inter);
    q.top_k = t.integer(i, top_k);
    q.experts = t.integer(i, experts);
    const std::int64_t places = t.integer(i, slots);
    if (t.text(i, law).ends_with("_eplb") && places > q.experts) q.experts = places;
    q.tensor_ranks = t.integer(i, tensor);
    q.expert_ranks = t.integer(i, ranks);
    q.skew = *skew;
    q.format = *format;
    // Contiguous (context) and masked (generation) grouped GEMMs share a name in one stack.
    std::string source(t.text(i, kernel));
    if (t.text(i, op) == "moe_context") source += " context";
    if (t.text(i, op) == "moe_generation") source += " generation";
    q.mlp = source.find("nongated") == std::string::npos ? models::ExpertMlp::gated
                                                         : models::ExpertMlp::plain;
    row.time = base::Seconds(t.number(i, latency) * 1e-3);
    row.source = sources.of(gpu_of_device(t.text(i, device)),
                            stack_text(t.text(i, framework), t.text(i, version)), source);
    keep(t, i, row, path, rows);
  }
  drop_impossible_moe(first, rows);
}

bool is_infersim_grouped_gemm(const NativeTable& table) {
  return table.has({"num_experts", "num_gpus", "num_local_experts", "topk", "hidden_size",
                    "intermediate_size", "up_proj_us", "down_proj_us"});
}

void read_infersim_grouped_gemm(const NativeTable& t, const fs::path& path, KernelRows& rows) {
  SourceIndex sources(rows, path.string(), "InferSim " + t.file().name);
  const std::int32_t source =
      sources.of(first_gpu_folder(path), "infersim 2026-05", "deepgemm grouped");
  const int here =
      t.has({"batch_size_per_gpu"}) ? t.column("batch_size_per_gpu") : t.column("seq_len_per_gpu");
  const std::size_t first = rows.moe.size();
  for (std::size_t i = 0; i < t.rows(); ++i) {
    KernelRow<MoeQuery> row;
    MoeQuery& q = row.query;
    q.expert_ranks = t.integer(i, t.column("num_gpus"));
    q.tokens = t.integer(i, here) * q.expert_ranks;
    q.hidden = t.integer(i, t.column("hidden_size"));
    q.intermediate = t.integer(i, t.column("intermediate_size"));
    q.top_k = t.integer(i, t.column("topk"));
    q.experts = t.integer(i, t.column("num_experts"));
    q.format = models::NumberFormat::fp8_block;
    row.source = source;
    row.time = base::Seconds(
        (t.number(i, t.column("up_proj_us")) + t.number(i, t.column("down_proj_us"))) * 1e-6);
    keep(t, i, row, path, rows);
  }
  drop_impossible_moe(first, rows);
}

bool is_frontier_moe(const NativeTable& table) {
  return table.has({"time_stats.moe_grouped_gemm.median", "num_tokens", "num_experts",
                    "expert_parallel_size", "router_topk", "hidden_dim", "expert_hidden_dim",
                    "use_gated", "num_tensor_parallel_workers"});
}

void read_frontier_moe(const NativeTable& t, const fs::path& path, KernelRows& rows) {
  SourceIndex sources(rows, path.string(), "Frontier " + t.file().name);
  const std::string gpu = first_gpu_folder(path);
  const int gemm = t.column("time_stats.moe_grouped_gemm.median");
  const int shuffle = t.column("time_stats.moe_shuffling.median");
  const std::size_t first = rows.moe.size();
  for (std::size_t i = 0; i < t.rows(); ++i) {
    KernelRow<MoeQuery> row;
    MoeQuery& q = row.query;
    q.tokens = t.integer(i, t.column("num_tokens"));
    q.hidden = t.integer(i, t.column("hidden_dim"));
    q.intermediate = t.integer(i, t.column("expert_hidden_dim"));
    q.top_k = t.integer(i, t.column("router_topk"));
    q.experts = t.integer(i, t.column("num_experts"));
    q.expert_ranks = t.integer(i, t.column("expert_parallel_size"));
    q.tensor_ranks = t.integer(i, t.column("num_tensor_parallel_workers"));
    q.mlp = t.text(i, t.column("use_gated")) == "False" ? models::ExpertMlp::plain
                                                        : models::ExpertMlp::gated;
    const double shuffled = shuffle == NativeTable::kAbsent ? 0.0 : t.number(i, shuffle);
    row.time = base::Seconds((t.number(i, gemm) + shuffled) * 1e-3);
    row.source = sources.of(gpu, profiled_stack(t, i), "vllm fused");
    keep(t, i, row, path, rows);
  }
  drop_impossible_moe(first, rows);
}

bool is_expert_table(const NativeTable& table) {
  return table.has({"tokens", "activated_experts", "time_us"});
}

void read_expert_table(const NativeTable& t, const fs::path& path, KernelRows& rows) {
  bool known = false;
  for (const fs::path& part : path) known |= part == "Qwen3-30B-A3B-Instruct-2507";
  SourceIndex sources(rows, path.string(), "LLMServingSim " + t.file().name);
  const std::int32_t source = sources.of(first_gpu_folder(path), "vllm 0.19.0", "");
  const std::size_t first = rows.moe.size();
  for (std::size_t i = 0; i < t.rows(); ++i) {
    if (!known) {
      skip_row(t, i, "the model's experts are not known from the path", path, rows);
      continue;
    }
    KernelRow<MoeQuery> row;
    MoeQuery& q = row.query;
    q.tokens = t.integer(i, t.column("tokens"));
    q.hidden = 2048;
    q.intermediate = 768;
    q.top_k = 8;
    q.experts = t.integer(i, t.column("activated_experts"));
    row.time = base::Seconds(t.number(i, t.column("time_us")) * 1e-6);
    row.source = source;
    keep(t, i, row, path, rows);
  }
  drop_impossible_moe(first, rows);
}

}  // namespace windtunnel::calibration
