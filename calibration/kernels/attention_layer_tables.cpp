#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "calibration/kernels/attention_tables.hpp"
#include "calibration/kernels/native_names.hpp"
#include "calibration/kernels/source_index.hpp"

namespace windtunnel::calibration {
namespace {

using models::AttentionPhase;
using models::AttentionQuery;
namespace fs = std::filesystem;

// The device named by a folder of the path: the first part that begins with a known one.
std::string gpu_in_path(const fs::path& path) {
  constexpr std::array kFolders{"a100", "a800",    "h100",       "h800",    "h200", "h20",
                                "H100", "RTX4090", "RTXPRO6000", "RTX3090", "A6000"};
  for (const fs::path& part : path) {
    const std::string name = part.string();
    for (const char* folder : kFolders) {
      if (name.starts_with(folder)) return gpu_of_device(folder);
    }
  }
  return "";
}

bool has_folder(const fs::path& path, std::string_view name) {
  for (const fs::path& part : path) {
    if (part == name) return true;
  }
  return false;
}

// "128-8-128.csv" -> {128, 8, 128}
std::vector<std::int64_t> numbers_in_name(const fs::path& path) {
  std::vector<std::int64_t> numbers;
  const std::string stem = path.stem().string();
  const char* at = stem.data();
  const char* const end = at + stem.size();
  while (at < end) {
    std::int64_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc() && value > 0) {
      numbers.push_back(value);
      at = next;
    } else {
      ++at;
    }
    while (at < end && *at == '-') ++at;
  }
  return numbers;
}

enum class Family { mha, mla, dsa, indexer, unknown };

Family family_of(const fs::path& path) {
  if (path.stem().string().starts_with("logits")) return Family::indexer;
  if (has_folder(path, "mha")) return Family::mha;
  if (has_folder(path, "mla")) return Family::mla;
  if (has_folder(path, "dsa")) return Family::dsa;
  return Family::unknown;
}

// Shape that InferSim's file and folder names tell.
std::optional<AttentionQuery> named_shape(const fs::path& path, Family family) {
  const auto n = numbers_in_name(path);
  if (n.size() != 3) return std::nullopt;
  AttentionQuery q;
  q.phase = has_folder(path, "decode") ? AttentionPhase::decode : AttentionPhase::context;
  q.heads = n[0];
  if (family == Family::mha) {
    q.kv_heads = n[1];
    q.head_dim = n[2];
  } else if (family == Family::dsa) {
    q.kv_heads = 1;
    q.head_dim = n[1];
    q.value_dim = 512;
    q.window = n[2];
  } else if (q.phase == AttentionPhase::decode) {
    q.kv_heads = 1;
    q.head_dim = n[1] + n[2];  // latent and rotary parts
    q.value_dim = n[1];
  } else {
    q.kv_heads = n[0];
    q.head_dim = n[1] + n[2];
    q.value_dim = n[1];
  }
  return q;
}

}  // namespace

bool is_infersim_attention(const NativeTable& table) {
  return table.has({"latency_us", "mfu"}) &&
         (table.has({"dtype", "kv_dtype", "kv_len"}) || table.has({"dtype", "seq_len"}) ||
          table.has({"s_q", "s_kv"}) || table.has({"next_n", "s_kv"}));
}

void read_infersim_attention(const NativeTable& table, const fs::path& path, KernelRows& rows) {
  const Family family = family_of(path);
  const auto shape = named_shape(path, family);
  if (family == Family::indexer || family == Family::unknown || !shape) {
    for (std::size_t i = 0; i < table.rows(); ++i) {
      skip_row(table, i,
               family == Family::indexer ? "an indexer's logits are no softmax attention"
                                         : "heads and head size are not in the file's name",
               path, rows);
    }
    return;
  }
  SourceIndex sources(rows, path.string(), "InferSim " + table.file().name);
  const char* const kernel = family == Family::mha ? "" : family == Family::mla ? "mla" : "dsa";
  const std::int32_t source = sources.of(gpu_in_path(path), "infersim 2026-05", kernel);
  const int math = table.column("dtype"), cache = table.column("kv_dtype");
  const int batch = table.column("batch_size"), latency = table.column("latency_us");
  const int q_len = table.has({"s_q"}) ? table.column("s_q") : table.column("seq_len");
  const int keys = table.has({"s_kv"})     ? table.column("s_kv")
                   : table.has({"kv_len"}) ? table.column("kv_len")
                                           : q_len;
  const std::size_t first = rows.attention.size();
  for (std::size_t i = 0; i < table.rows(); ++i) {
    KernelRow<AttentionQuery> row{*shape, base::Seconds(table.number(i, latency) * 1e-6), source,
                                  table.line(i)};
    row.query.batch = batch == NativeTable::kAbsent ? 1 : table.integer(i, batch);
    row.query.q_len = shape->phase == AttentionPhase::decode ? 1 : table.integer(i, q_len);
    row.query.kv_len = table.integer(i, keys);
    const auto format = models::number_format_from(table.text(i, math));
    const auto stored = models::number_format_from(table.text(i, cache));
    row.query.format = format.value_or(models::NumberFormat::bf16);
    row.query.kv_format = stored.value_or(row.query.format);
    std::string reason = attention_fault(row.query, row.time.value());
    if (reason.empty()) {
      rows.attention.push_back(row);
    } else {
      skip_row(table, i, std::move(reason), path, rows);
    }
  }
  drop_impossible_attention(first, rows);
}

std::string profiled_stack(const NativeTable& table, std::size_t row) {
  // Kernels alone and kernels with their launches, which events see, differ by tens of us.
  const std::string_view how = table.text(row, table.column("measurement_type"));
  if (how == "KERNEL_ONLY") return "frontier kernels";
  if (!how.empty()) return "frontier events";
  const std::string_view backend = table.text(row, table.column("attention_backend"));
  return backend.ends_with("FLASH_ATTENTION") ? "vidur flash-attention" : "vidur flashinfer";
}

bool is_vidur_attention(const NativeTable& table) {
  return table.has({"time_stats.attn_prefill.median", "time_stats.attn_decode.median", "n_q_head",
                    "n_kv_head", "n_embd", "batch_size", "prefill_chunk_size", "kv_cache_size",
                    "is_prefill"});
}

void read_vidur_attention(const NativeTable& table, const fs::path& path, KernelRows& rows) {
  const auto col = [&](std::string_view name) { return table.column(name); };
  SourceIndex sources(rows, path.string(), "Vidur schema, " + table.file().name);
  const std::string gpu = gpu_in_path(path);
  const std::size_t first = rows.attention.size();
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const bool prefill = table.text(i, col("is_prefill")) == "True";
    if (table.text(i, col("is_true_mixed_batch")) == "True" ||
        table.text(i, col("is_mixed_batch")) == "True") {
      skip_row(table, i, "a batch of unequal sequences", path, rows);
      continue;
    }
    const std::int64_t ranks =
        std::max<std::int64_t>(1, table.integer(i, col("num_tensor_parallel_workers")));
    const std::int64_t heads = table.integer(i, col("n_q_head"));
    KernelRow<AttentionQuery> row;
    AttentionQuery& q = row.query;
    q.phase = prefill ? AttentionPhase::context : AttentionPhase::decode;
    q.batch = table.integer(i, col("batch_size"));
    q.heads = heads / ranks;
    q.kv_heads = std::max<std::int64_t>(1, table.integer(i, col("n_kv_head")) / ranks);
    q.head_dim = heads > 0 ? table.integer(i, col("n_embd")) / heads : 0;
    const std::int64_t cached = table.integer(i, col("kv_cache_size"));
    q.q_len = prefill ? table.integer(i, col("prefill_chunk_size")) : 1;
    q.kv_len = cached + q.q_len;
    q.format = q.kv_format = table.text(i, col("profiling_precision")) == "FP16"
                                 ? models::NumberFormat::fp16
                                 : models::NumberFormat::bf16;
    const int time =
        col(prefill ? "time_stats.attn_prefill.median" : "time_stats.attn_decode.median");
    row.time = base::Seconds(table.number(i, time) * 1e-3);
    row.line = table.line(i);
    std::string reason = attention_fault(q, row.time.value());
    if (!reason.empty()) {
      skip_row(table, i, std::move(reason), path, rows);
      continue;
    }
    const std::string_view backend = table.text(i, col("attention_backend"));
    row.source = sources.of(gpu, profiled_stack(table, i), backend);
    rows.attention.push_back(row);
  }
  drop_impossible_attention(first, rows);
}

namespace {

struct NamedModel {
  std::string_view folder;
  std::int64_t heads, kv_heads, head_dim;
};
// Published shapes of the models that LLMServingSim profiled.
constexpr std::array kModels{
    NamedModel{"Llama-3.1-8B", 32, 8, 128}, NamedModel{"Llama-3.1-70B", 64, 8, 128},
    NamedModel{"Qwen3-32B", 64, 8, 128}, NamedModel{"Qwen3-30B-A3B-Instruct-2507", 32, 4, 128}};

std::int64_t tensor_ranks_in(const fs::path& path) {
  for (const fs::path& part : path) {
    const std::string name = part.string();
    std::int64_t ranks = 0;
    if (name.size() < 3 || !name.starts_with("tp")) continue;
    const auto [end, error] = std::from_chars(name.data() + 2, name.data() + name.size(), ranks);
    if (error == std::errc() && end == name.data() + name.size() && ranks > 0) return ranks;
  }
  return 1;
}

}  // namespace

bool is_step_attention(const NativeTable& table) {
  return table.has({"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"});
}

void read_step_attention(const NativeTable& table, const fs::path& path, KernelRows& rows) {
  const NamedModel* model = nullptr;
  for (const NamedModel& candidate : kModels) {
    if (has_folder(path, candidate.folder)) model = &candidate;
  }
  SourceIndex sources(rows, path.string(), "LLMServingSim " + table.file().name);
  const std::int32_t source = sources.of(gpu_in_path(path), "vllm 0.19.0", "");
  const std::int64_t ranks = tensor_ranks_in(path);
  const int chunk = table.column("prefill_chunk"), before = table.column("kv_prefill");
  const int decodes = table.column("n_decode"), keys = table.column("kv_decode");
  const std::size_t first = rows.attention.size();
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const std::int64_t q_len = table.integer(i, chunk), batch = table.integer(i, decodes);
    if (model == nullptr || (q_len > 0) == (batch > 0)) {
      skip_row(table, i,
               model == nullptr ? "the model's heads are not known from the path"
                                : "a step that mixes prefill and decode",
               path, rows);
      continue;
    }
    KernelRow<AttentionQuery> row;
    AttentionQuery& q = row.query;
    q.heads = model->heads / ranks;
    q.kv_heads = std::max<std::int64_t>(1, model->kv_heads / ranks);
    q.head_dim = model->head_dim;
    q.phase = q_len > 0 ? AttentionPhase::context : AttentionPhase::decode;
    q.batch = q_len > 0 ? 1 : batch;
    q.q_len = q_len > 0 ? q_len : 1;
    q.kv_len = q_len > 0 ? q_len + table.integer(i, before) : table.integer(i, keys);
    row.time = base::Seconds(table.number(i, table.column("time_us")) * 1e-6);
    row.source = source;
    row.line = table.line(i);
    std::string reason = attention_fault(q, row.time.value());
    if (reason.empty()) {
      rows.attention.push_back(row);
    } else {
      skip_row(table, i, std::move(reason), path, rows);
    }
  }
  drop_impossible_attention(first, rows);
}

}  // namespace windtunnel::calibration
