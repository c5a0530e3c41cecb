// --where on kernel rows, and what the user knows of rows that do not say it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "calibration/kernels/read_kernel_file.hpp"

namespace windtunnel::calibration {
namespace {

constexpr std::array<std::string_view, 29> kColumns{
    "kind",  "gpu",    "stack",     "kernel", "source",      "file",   "op",       "precision",
    "m",     "n",      "k",         "batch",  "groups",      "heads",  "kv_heads", "head_dim",
    "q_len", "kv_len", "window",    "bytes",  "rows",        "tokens", "hidden",   "experts",
    "top_k", "gpus",   "direction", "phase",  "kv_precision"};

std::string count(std::int64_t value) {
  return std::to_string(value);
}

std::string column_of(const models::GemmQuery& q, const std::string& column) {
  if (column == "kind") return "gemm";
  if (column == "m") return count(q.m);
  if (column == "n") return count(q.n);
  if (column == "k") return count(q.k);
  if (column == "batch") return count(q.batch);
  if (column == "groups") return count(q.groups);
  if (column == "precision") return std::string(to_text(q.format));
  return "";
}

std::string column_of(const models::AttentionQuery& q, const std::string& column) {
  if (column == "kind") return "attention";
  if (column == "phase") return std::string(to_text(q.phase));
  if (column == "batch") return count(q.batch);
  if (column == "heads") return count(q.heads);
  if (column == "kv_heads") return count(q.kv_heads);
  if (column == "head_dim") return count(q.head_dim);
  if (column == "q_len") return count(q.q_len);
  if (column == "kv_len") return count(q.kv_len);
  if (column == "window") return count(q.window);
  if (column == "precision") return std::string(to_text(q.format));
  if (column == "kv_precision") return std::string(to_text(q.kv_format));
  return "";
}

std::string column_of(const models::MoeQuery& q, const std::string& column) {
  if (column == "kind") return "moe";
  if (column == "tokens") return count(q.tokens);
  if (column == "hidden") return count(q.hidden);
  if (column == "experts") return count(q.experts);
  if (column == "top_k") return count(q.top_k);
  if (column == "precision") return std::string(to_text(q.format));
  return "";
}

std::string column_of(const models::MemoryQuery& q, const std::string& column) {
  if (column == "kind") return "memory";
  if (column == "op") return std::string(to_text(q.op));
  if (column == "bytes") return fmt::format("{}", q.bytes.value());
  if (column == "rows") return count(q.rows);
  return "";
}

std::string column_of(const models::LaunchQuery& q, const std::string& column) {
  if (column == "kind") return "launch";
  if (column == "op") return std::string(to_text(q.kind));
  return "";
}

std::string column_of(const models::CopyQuery& q, const std::string& column) {
  if (column == "kind") return "copy";
  if (column == "direction") return std::string(to_text(q.direction));
  if (column == "bytes") return fmt::format("{}", q.bytes.value());
  return "";
}

std::string column_of(const models::FusedAllReduceQuery& q, const std::string& column) {
  if (column == "kind") return "all_reduce";
  if (column == "bytes") return fmt::format("{}", q.bytes.value());
  if (column == "gpus") return count(q.gpus);
  return "";
}

std::string column_of(const models::InterferenceQuery&, const std::string& column) {
  return column == "kind" ? "interference" : "";
}

template <class Row>
std::string text_of(const Row& row, const RowSource& source, const std::string& column) {
  if (column == "gpu") return source.gpu;
  if (column == "stack") return source.stack;
  if (column == "kernel") return source.kernel;
  if (column == "source") return source.source;
  if (column == "file") return std::filesystem::path(source.file).filename().string();
  return column_of(row.query, column);
}

void fill(std::string& field, const std::string& given) {
  if (field.empty()) field = given;
}

}  // namespace

void fill_blanks(KernelRows& rows, const KernelHints& hints) {
  for (RowSource& source : rows.sources) {
    fill(source.gpu, hints.gpu);
    fill(source.stack, hints.stack);
    fill(source.source, hints.source);
  }
}

std::vector<std::string> kernel_columns() {
  return {kColumns.begin(), kColumns.end()};
}

void apply_filters(KernelRows& rows, const std::vector<Filter>& filters) {
  for (const auto& [key, values] : grouped(filters)) {
    const auto filter = [&, &column = key.first, &relation = key.second,
                         &wanted = values](auto& kind) {
      std::erase_if(kind, [&](const auto& row) {
        const RowSource& source = rows.sources[static_cast<std::size_t>(row.source)];
        return !passes(text_of(row, source, column), relation, wanted);
      });
    };
    for_each_kind(rows, filter);
    filter(rows.interference);
  }
}

}  // namespace windtunnel::calibration
