#include "calibration/kernels/memory_tables.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>

#include "calibration/kernels/native_names.hpp"

namespace windtunnel::calibration {
namespace {

using models::MemoryOp;

constexpr double kElement = 2.0;  // bytes of a 16-bit number

// The layer a row is of; counts as double, they only make bytes.
struct LayerShape {
  double hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0;
  double tensor_ranks = 1;
  bool gated = true;
  double norm_passes = 2;  // tensors a norm reads and writes
};

struct OpTraffic {
  MemoryOp op;
  double elements;  // a token
};

std::optional<OpTraffic> traffic_of(std::string_view name, const LayerShape& s) {
  if (name == "emb" || name == "embedding") return OpTraffic{MemoryOp::embedding, 2 * s.hidden};
  const MemoryOp norm = s.gated ? MemoryOp::rms_norm : MemoryOp::layer_norm;
  if (name == "input_layernorm" || name == "post_attention_layernorm" || name == "layernorm")
    return OpTraffic{norm, s.norm_passes * s.hidden};
  if (name == "attn_rope" || name == "rotary_emb")
    return OpTraffic{MemoryOp::rotary, 2 * (s.heads + s.kv_heads) * s.head_dim / s.tensor_ranks};
  if (name == "mlp_act" || name == "act_fn")
    return OpTraffic{s.gated ? MemoryOp::swiglu : MemoryOp::gelu,
                     (s.gated ? 3 : 2) * s.intermediate / s.tensor_ranks};
  if (name == "add") return OpTraffic{MemoryOp::add, 3 * s.hidden};
  return std::nullopt;
}

class MemoryRows {
 public:
  MemoryRows(const NativeTable& table, const std::filesystem::path& path, KernelRows& rows)
      : table_(table), path_(path), rows_(rows) {}

  std::int32_t source(const std::string& gpu, const std::string& stack, const std::string& kernel) {
    const auto [at, is_new] = known_.emplace(gpu + '\n' + stack + '\n' + kernel,
                                             static_cast<std::int32_t>(rows_.sources.size()));
    if (is_new) rows_.sources.push_back({path_.string(), gpu, stack, kernel, table_.file().name});
    return at->second;
  }

  void add(std::size_t row, const OpTraffic& traffic, double tokens, double seconds,
           std::int32_t source) {
    if (!(seconds > 0.0)) {
      rows_.skipped.push_back({{path_.string(), table_.line(row)},
                               fmt::format("{}: not a time above 0", to_text(traffic.op))});
      return;
    }
    rows_.memory.push_back({{traffic.op, base::Bytes(traffic.elements * tokens * kElement),
                             static_cast<std::int64_t>(tokens)},
                            base::Seconds(seconds),
                            source,
                            table_.line(row)});
  }

  void skip(std::size_t row, std::string reason) {
    rows_.skipped.push_back({{path_.string(), table_.line(row)}, std::move(reason)});
  }

 private:
  const NativeTable& table_;
  const std::filesystem::path& path_;
  KernelRows& rows_;
  std::map<std::string, std::int32_t> known_;
};

constexpr std::array<std::string_view, 6> kLayerOps{
    "emb", "input_layernorm", "attn_rope", "post_attention_layernorm", "mlp_act", "add"};

// Public shapes of the models that LLMServingSim profiled (their configuration files).
struct PublicModel {
  std::string_view name;
  LayerShape shape;
};
const std::array<PublicModel, 3>& public_models() {
  static const std::array<PublicModel, 3> kModels{
      {{"Llama-3.1-8B",
        {.hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128, .intermediate = 14336}},
       {"Qwen3-32B",
        {.hidden = 5120, .heads = 64, .kv_heads = 8, .head_dim = 128, .intermediate = 25600}},
       {"Qwen3-30B-A3B-Instruct-2507",
        {.hidden = 2048, .heads = 32, .kv_heads = 4, .head_dim = 128, .intermediate = 6144}}}};
  return kModels;
}

struct DenseFolder {
  LayerShape shape;
  std::string gpu;
};

std::optional<DenseFolder> folder_of(const std::filesystem::path& path) {
  DenseFolder out;
  for (const auto& part : std::filesystem::absolute(path).parent_path()) {
    const std::string name = part.string();
    for (const PublicModel& model : public_models())
      if (name == model.name) out.shape = model.shape;
    if (name.size() == 3 && name.starts_with("tp") && name[2] >= '1' && name[2] <= '9')
      out.shape.tensor_ranks = name[2] - '0';
    if (name == "RTX4090") out.gpu = "rtx-4090";
    if (name == "RTXPRO6000") out.gpu = "rtx-pro-6000";
  }
  out.shape.norm_passes = 4;
  if (out.shape.hidden == 0) return std::nullopt;
  return out;
}

}  // namespace

bool is_layer_table(const NativeTable& table) {
  return table.has({"time_stats.input_layernorm.median", "n_embd", "n_head", "n_kv_head",
                    "n_expanded_embd", "num_tokens", "num_tensor_parallel_workers"});
}

void read_layer_table(const NativeTable& table, const std::filesystem::path& path,
                      KernelRows& rows) {
  MemoryRows out(table, path, rows);
  const int hidden = table.column("n_embd"), heads = table.column("n_head");
  const int kv_heads = table.column("n_kv_head"), wide = table.column("n_expanded_embd");
  const int gated = table.column("use_gated_mlp"), tokens = table.column("num_tokens");
  const int ranks = table.column("num_tensor_parallel_workers");
  const int type = table.column("measurement_type");
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const LayerShape shape{.hidden = table.number(i, hidden),
                           .heads = table.number(i, heads),
                           .kv_heads = table.number(i, kv_heads),
                           .head_dim = table.number(i, hidden) / table.number(i, heads),
                           .intermediate = table.number(i, wide),
                           .tensor_ranks = table.number(i, ranks),
                           .gated = table.text(i, gated) != "False"};
    const double count = table.number(i, tokens);
    if (!(shape.hidden >= 1 && shape.heads >= 1 && shape.tensor_ranks >= 1 && count >= 1)) {
      out.skip(i, "n_embd, n_head, num_tokens or the tensor ranks are not counts");
      continue;
    }
    const std::string stack = type == NativeTable::kAbsent ? "vidur" : "frontier";
    const bool kernel_only =
        type != NativeTable::kAbsent && table.text(i, type).find("KERNEL") != std::string::npos;
    const std::int32_t source = out.source("", stack, kernel_only ? "kernel_only" : "");
    for (const std::string_view op : kLayerOps) {
      const int column = table.column(fmt::format("time_stats.{}.median", op));
      if (column == NativeTable::kAbsent || table.text(i, column).empty()) continue;
      if (const auto traffic = traffic_of(op, shape))
        out.add(i, *traffic, count, 1e-3 * table.number(i, column), source);
    }
  }
}

bool is_dense_table(const NativeTable& table) {
  return table.has({"layer", "tokens", "time_us"});
}

void read_dense_table(const NativeTable& table, const std::filesystem::path& path,
                      KernelRows& rows) {
  const auto folder = folder_of(path);
  if (!folder) {
    rows.diagnostics.warning({path.string(), 1, 0},
                             "no folder of its path names a model whose shape is known: the "
                             "memory-bound layers are left out");
    return;
  }
  MemoryRows out(table, path, rows);
  const int layer = table.column("layer"), tokens = table.column("tokens");
  const int time = table.column("time_us");
  const std::int32_t source = out.source(folder->gpu, "vllm 0.19.0", "");
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const auto traffic = traffic_of(table.text(i, layer), folder->shape);
    if (traffic && table.number(i, tokens) >= 1)
      out.add(i, *traffic, table.number(i, tokens), 1e-6 * table.number(i, time), source);
  }
}

}  // namespace windtunnel::calibration
