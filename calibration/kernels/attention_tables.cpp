#include "calibration/kernels/attention_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "calibration/kernels/native_names.hpp"
#include "calibration/kernels/source_index.hpp"
#include "models/gpu_library.hpp"
#include "models/kernels/attention_form.hpp"

namespace windtunnel::calibration {
namespace {

using models::AttentionPhase;
using models::AttentionQuery;

struct Columns {
  int op, batch, isl, step, heads, kv_heads, head_dim, window, math, cache, latency;
  int device, framework, version, kernel;
};

Columns columns_of(const NativeTable& t) {
  return {t.column("op_name"),        t.column("batch_size"),  t.column("isl"),
          t.column("step"),           t.column("num_heads"),   t.column("num_key_value_heads"),
          t.column("head_dim"),       t.column("window_size"), t.column("attn_dtype"),
          t.column("kv_cache_dtype"), t.column("latency"),     t.column("device"),
          t.column("framework"),      t.column("version"),     t.column("kernel_source")};
}

AttentionQuery aiconfigurator_query(const NativeTable& t, std::size_t row, const Columns& c) {
  AttentionQuery q;
  const bool context = t.text(row, c.op) == "context_attention";
  q.phase = context ? AttentionPhase::context : AttentionPhase::decode;
  q.batch = t.integer(row, c.batch);
  q.heads = t.integer(row, c.heads);
  q.kv_heads = t.integer(row, c.kv_heads);
  q.head_dim = t.integer(row, c.head_dim);
  const std::int64_t isl = t.integer(row, c.isl), step = t.integer(row, c.step);
  q.q_len = context ? isl : 1;
  q.kv_len = isl + (step == NativeTable::kNoInteger ? 0 : step);
  const std::int64_t window = t.integer(row, c.window);
  q.window = window == NativeTable::kNoInteger ? 0 : window;
  return q;
}

}  // namespace

std::string attention_fault(const AttentionQuery& q, double seconds) {
  if (!(seconds > 0.0)) return "latency is no time above 0";
  for (const std::int64_t n : {q.batch, q.heads, q.kv_heads, q.head_dim, q.q_len, q.kv_len}) {
    if (n < 1) return "a count is below 1 or missing";
  }
  if (q.kv_heads > q.heads) return "more key/value heads than heads";
  if (q.window < 0) return "a negative window";
  return "";
}

bool is_aiconfigurator_attention(const NativeTable& table) {
  return table.has({"num_heads", "num_key_value_heads", "head_dim", "isl", "step", "attn_dtype",
                    "kv_cache_dtype", "op_name", "latency"});
}

void read_aiconfigurator_attention(const NativeTable& table, const std::filesystem::path& path,
                                   KernelRows& rows) {
  const Columns c = columns_of(table);
  SourceIndex sources(rows, path.string(), "aiconfigurator " + table.file().name);
  const std::size_t first = rows.attention.size();
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const std::string_view op = table.text(i, c.op);
    if (op != "context_attention" && op != "generation_attention") {
      skip_row(table, i, fmt::format("unknown op '{}'", op), path, rows);
      continue;
    }
    const auto math = aiconfigurator_format(table.text(i, c.math));
    const auto cache = aiconfigurator_format(table.text(i, c.cache));
    if (!math || !cache) {
      skip_row(table, i, "unknown number format", path, rows);
      continue;
    }
    KernelRow<AttentionQuery> row;
    row.query = aiconfigurator_query(table, i, c);
    row.query.format = *math;
    row.query.kv_format = *cache;
    row.time = base::Seconds(table.number(i, c.latency) * 1e-3);
    row.line = table.line(i);
    std::string reason = attention_fault(row.query, row.time.value());
    if (!reason.empty()) {
      skip_row(table, i, std::move(reason), path, rows);
      continue;
    }
    row.source = sources.of(gpu_of_device(table.text(i, c.device)),
                            stack_text(table.text(i, c.framework), table.text(i, c.version)),
                            table.text(i, c.kernel));
    rows.attention.push_back(row);
  }
  drop_impossible_attention(first, rows);
}

void drop_impossible_attention(std::size_t first, KernelRows& rows) {
  std::map<std::string, std::optional<sim::Gpu>> sheets;
  const auto possible = [&](const KernelRow<AttentionQuery>& row) {
    const RowSource& source = rows.sources[static_cast<std::size_t>(row.source)];
    auto [at, is_new] = sheets.try_emplace(source.gpu);
    if (is_new) at->second = models::gpu_named(source.gpu);
    if (!at->second) return true;
    const auto device = models::attention_device(*at->second, row.query.format);
    const double least = models::attention_least_time(row.query, device);
    if (row.time.value() * kDeviceTolerance >= least) return true;
    rows.skipped.push_back({{source.file, row.line},
                            fmt::format("faster than the device can be: {:.3g} "
                                        "us, where {:.3g} us is its limit",
                                        row.time.value() * 1e6, least * 1e6)});
    return false;
  };
  const auto begin = rows.attention.begin() + static_cast<std::ptrdiff_t>(first);
  rows.attention.erase(std::stable_partition(begin, rows.attention.end(), possible),
                       rows.attention.end());
}

}  // namespace windtunnel::calibration
