#include "calibration/kernels/gemm_layer_tables.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>

#include "calibration/kernels/aiconfigurator_gemm.hpp"
#include "calibration/kernels/native_names.hpp"
#include "calibration/kernels/source_index.hpp"

namespace windtunnel::calibration {
namespace {

using models::NumberFormat;

struct LayerShape {
  std::int64_t hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0, vocabulary = 0;
  std::int64_t ranks = 1;
  std::int64_t up_matrices = 2;  // gate and up in one product, or up alone
};

struct Product {
  std::int64_t n = 0, k = 0;
};

// The product that a layer's name stands for; nothing where it is no GEMM.
std::optional<Product> product_of(std::string_view layer, const LayerShape& s) {
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  if (layer == "qkv_proj" || layer == "attn_pre_proj")
    return Product{(q + 2 * kv) / s.ranks, s.hidden};
  if (layer == "q_proj") return Product{q / s.ranks, s.hidden};
  if (layer == "k_proj" || layer == "v_proj") return Product{kv / s.ranks, s.hidden};
  if (layer == "o_proj" || layer == "attn_post_proj") return Product{s.hidden, q / s.ranks};
  if (layer == "gate_up_proj" || layer == "mlp_up_proj")
    return Product{s.up_matrices * s.intermediate / s.ranks, s.hidden};
  if (layer == "gate_proj" || layer == "up_proj")
    return Product{s.intermediate / s.ranks, s.hidden};
  if (layer == "down_proj" || layer == "mlp_down_proj")
    return Product{s.hidden, s.intermediate / s.ranks};
  if (layer == "lm_head") return Product{s.vocabulary / s.ranks, s.hidden};
  return std::nullopt;
}

class GemmRows {
 public:
  GemmRows(const NativeTable& table, const std::filesystem::path& path, KernelRows& rows)
      : table_(table), path_(path), rows_(rows), first_(rows.gemm.size()) {}

  void add(std::size_t row, const Product& product, std::int64_t tokens, NumberFormat format,
           double seconds, std::int32_t source) {
    const models::GemmQuery query{.m = tokens, .n = product.n, .k = product.k, .format = format};
    if (std::string fault = gemm_fault(query, seconds); !fault.empty()) {
      skip_row(table_, row, std::move(fault), path_, rows_);
    } else {
      rows_.gemm.push_back({query, base::Seconds(seconds), source, table_.line(row)});
    }
  }
  void finish() { drop_impossible_gemm(first_, rows_); }

 private:
  const NativeTable& table_;
  const std::filesystem::path& path_;
  KernelRows& rows_;
  std::size_t first_;
};

// Configuration files of the public models that LLMServingSim profiled.
struct PublicModel {
  std::string_view name;
  LayerShape shape;
};
constexpr std::array kModels{
    PublicModel{"Llama-3.1-8B", {4096, 32, 8, 128, 14336, 128256}},
    PublicModel{"Llama-3.1-70B", {8192, 64, 8, 128, 28672, 128256}},
    PublicModel{"Mixtral-8x7B-v0.1", {4096, 32, 8, 128, 14336, 32000}},
    PublicModel{"Phi-mini-MoE-instruct", {4096, 32, 8, 128, 960, 32064}},
    PublicModel{"Qwen3-32B", {5120, 64, 8, 128, 25600, 151936}},
    PublicModel{"Qwen3-30B-A3B-Instruct-2507", {2048, 32, 4, 128, 6144, 151936}},
};

struct Place {
  LayerShape shape;
  std::string gpu;
};

// Model, tensor ranks and GPU as the folders of the path name them.
std::optional<Place> place_of(const std::filesystem::path& path) {
  Place place;
  bool known = false;
  std::string above;
  for (const auto& part : std::filesystem::absolute(path).parent_path()) {
    const std::string name = part.string();
    for (const PublicModel& model : kModels) {
      if (name != model.name) continue;
      place.shape = model.shape;
      known = true;
    }
    if (name.size() == 3 && name.starts_with("tp") && name[2] >= '1' && name[2] <= '9')
      place.shape.ranks = name[2] - '0';
    if (above == "perf" || above == "v0_perf_models" || above == "perf_models")
      place.gpu = gpu_of_device(name);
    above = name;
  }
  if (!known) return std::nullopt;
  return place;
}

// vLLM quantizes "method=fp8" checkpoints and their activations while loading.
NumberFormat format_of(std::string_view precision, std::string_view quantization) {
  if (quantization.find("method=fp8") != std::string_view::npos) return NumberFormat::fp8;
  return precision == "BF16" ? NumberFormat::bf16 : NumberFormat::fp16;
}

constexpr std::array<std::string_view, 4> kProjections{"attn_pre_proj", "attn_post_proj",
                                                       "mlp_up_proj", "mlp_down_proj"};

}  // namespace

bool is_projection_table(const NativeTable& table) {
  return table.has({"time_stats.attn_pre_proj.median", "n_embd", "n_head", "n_kv_head",
                    "n_expanded_embd", "num_tokens", "num_tensor_parallel_workers"});
}

void read_projection_table(const NativeTable& table, const std::filesystem::path& path,
                           KernelRows& rows) {
  const int hidden = table.column("n_embd"), heads = table.column("n_head");
  const int kv_heads = table.column("n_kv_head"), wide = table.column("n_expanded_embd");
  const int gated = table.column("use_gated_mlp"), tokens = table.column("num_tokens");
  const int ranks = table.column("num_tensor_parallel_workers");
  const int type = table.column("measurement_type");
  const int precision = table.column("profiling_precision"),
            quant = table.column("quant_signature");
  SourceIndex sources(rows, path.string(), table.file().name);
  GemmRows out(table, path, rows);
  for (std::size_t i = 0; i < table.rows(); ++i) {
    LayerShape shape{.hidden = table.integer(i, hidden),
                     .heads = table.integer(i, heads),
                     .kv_heads = table.integer(i, kv_heads),
                     .intermediate = table.integer(i, wide),
                     .ranks = table.integer(i, ranks),
                     .up_matrices = table.text(i, gated) == "False" ? 1 : 2};
    if (shape.hidden < 1 || shape.heads < 1 || shape.ranks < 1) {
      skip_row(table, i, "n_embd, n_head or the tensor ranks are not counts", path, rows);
      continue;
    }
    shape.head_dim = shape.hidden / shape.heads;
    const bool kernel_only = table.text(i, type).find("KERNEL") != std::string_view::npos;
    const auto source = sources.of("", type == NativeTable::kAbsent ? "vidur" : "frontier",
                                   kernel_only ? "kernel_only" : "");
    const NumberFormat format = format_of(table.text(i, precision), table.text(i, quant));
    for (const std::string_view op : kProjections) {
      const int column = table.column(fmt::format("time_stats.{}.median", op));
      if (column == NativeTable::kAbsent || table.text(i, column).empty()) continue;
      out.add(i, *product_of(op, shape), table.integer(i, tokens), format,
              1e-3 * table.number(i, column), source);
    }
  }
  out.finish();
}

bool is_layer_gemm_table(const NativeTable& table) {
  return table.has({"layer", "tokens", "time_us"}) ||
         table.has({"layer", "sequences", "time_us"}) ||
         table.has({"layer_name", "input", "kv_cache", "tp_size", "latency(ns)"});
}

void read_layer_gemm_table(const NativeTable& table, const std::filesystem::path& path,
                           KernelRows& rows) {
  const auto place = place_of(path);
  if (!place) {
    rows.diagnostics.warning(
        {path.string(), 1, 0},
        "no folder of its path names a model whose shape is known: the GEMMs are left out");
    return;
  }
  const bool first_version = table.column("layer_name") != NativeTable::kAbsent;
  const int layer = table.column(first_version ? "layer_name" : "layer");
  const int per_sequence = table.column("sequences"), dense = table.column("tokens");
  const int tokens = first_version                          ? table.column("input")
                     : per_sequence != NativeTable::kAbsent ? per_sequence
                                                            : dense;
  const int time = table.column(first_version ? "latency(ns)" : "time_us");
  const double unit = first_version ? 1e-9 : 1e-6;
  SourceIndex sources(rows, path.string(), "LLMServingSim " + table.file().name);
  const auto source =
      sources.of(place->gpu, first_version ? "llmservingsim v0" : "vllm 0.19.0", "");
  GemmRows out(table, path, rows);
  for (std::size_t i = 0; i < table.rows(); ++i) {
    if (const auto product = product_of(table.text(i, layer), place->shape))
      out.add(i, *product, table.integer(i, tokens), NumberFormat::bf16,
              unit * table.number(i, time), source);
  }
  out.finish();
}

}  // namespace windtunnel::calibration
