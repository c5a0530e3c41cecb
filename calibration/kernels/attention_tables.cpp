#include "calibration/kernels/attention_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
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

namespace {

struct Limits {
  std::optional<sim::Gpu> gpu;
  std::int64_t impossible_caches = 0, decodes = 0;
  double least_cache = std::numeric_limits<double>::infinity();  // bytes, of an impossible row
};

double cache_bytes(const AttentionQuery& q) {
  const std::int64_t keys = q.window > 0 ? std::min(q.window, q.kv_len) : q.kv_len;
  return static_cast<double>(q.batch * q.kv_heads * keys * 2 * q.head_dim) *
         models::activation_bytes(q.kv_format);
}

double least_time(const AttentionQuery& query, const sim::Gpu& gpu) {
  return models::attention_least_time(query, models::attention_device(gpu, query.format));
}

}  // namespace

void drop_impossible_attention(std::size_t first, KernelRows& rows) {
  // A few outliers are a timer's; more are a cache that cannot have been as large as the table says.
  constexpr std::int64_t kFew = 10;
  constexpr double kShare = 0.01;
  std::map<std::int32_t, Limits> limits;
  const auto begin = rows.attention.begin() + static_cast<std::ptrdiff_t>(first);
  const auto is_impossible = [&](const KernelRow<AttentionQuery>& row, const Limits& limit) {
    return limit.gpu && row.time.value() * kDeviceTolerance < least_time(row.query, *limit.gpu);
  };
  for (auto row = begin; row != rows.attention.end(); ++row) {
    auto [at, is_new] = limits.try_emplace(row->source);
    Limits& limit = at->second;
    if (is_new) {
      limit.gpu = models::gpu_named(rows.sources[static_cast<std::size_t>(row->source)].gpu);
    }
    if (row->query.phase != AttentionPhase::decode) continue;
    ++limit.decodes;
    if (!is_impossible(*row, limit)) continue;
    ++limit.impossible_caches;
    limit.least_cache = std::min(limit.least_cache, cache_bytes(row->query));
  }
  const auto possible = [&](const KernelRow<AttentionQuery>& row) {
    const Limits& limit = limits.at(row.source);
    const bool foul_caches =
        limit.impossible_caches >= kFew &&
        static_cast<double>(limit.impossible_caches) > kShare * static_cast<double>(limit.decodes);
    const bool too_fast = is_impossible(row, limit);
    const bool foul = foul_caches && row.query.phase == AttentionPhase::decode &&
                      cache_bytes(row.query) >= limit.least_cache;
    if (!too_fast && !foul) return true;
    rows.skipped.push_back(
        {{rows.sources[static_cast<std::size_t>(row.source)].file, row.line},
         too_fast ? fmt::format("faster than the device can be: {:.3g} us, where its limit is "
                                "{:.3g} us",
                                row.time.value() * 1e6, least_time(row.query, *limit.gpu) * 1e6)
                  : fmt::format("a cache of {:.3g} MB in a table that reads caches from {:.3g} MB "
                                "on faster than the device can",
                                cache_bytes(row.query) * 1e-6, limit.least_cache * 1e-6)});
    return false;
  };
  rows.attention.erase(std::stable_partition(begin, rows.attention.end(), possible),
                       rows.attention.end());
}

}  // namespace windtunnel::calibration
