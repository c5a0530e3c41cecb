#include "calibration/kernels/kernel_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "calibration/csv.hpp"
#include "calibration/nccl_tests.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

using models::AttentionPhase;
using models::NumberFormat;

// Reads one row's fields; the first thing that is wrong becomes `reason`.
class FieldReader {
 public:
  FieldReader(const GenericRow& row, base::Diagnostics& diagnostics)
      : row_(row), diagnostics_(diagnostics) {}

  const std::string& reason() const { return reason_; }
  std::string text(const std::string& name) const { return row_.field(name); }

  std::int64_t count(const std::string& name) {
    if (row_.field(name).empty()) fail(name + " is blank");
    return count_or(name, 1);
  }

  std::int64_t count_or(const std::string& name, std::int64_t otherwise) {
    constexpr double kMost = 1e15;
    const std::string field = row_.field(name);
    if (field.empty()) return otherwise;
    const auto value = number(field);
    if (value && *value == std::floor(*value) && *value >= 1.0 && *value <= kMost)
      return static_cast<std::int64_t>(*value);
    if (value && *value == 0.0 && otherwise == 0) return 0;
    fail(fmt::format("{} is '{}', not a count of at least 1", name, field));
    return 1;
  }

  double size(const std::string& name) {
    const auto value = number(row_.field(name));
    if (!value || *value < 1.0) fail(fmt::format("{} is '{}', not a size", name, text(name)));
    return value.value_or(1.0);
  }

  base::Seconds time() {
    const std::string field = row_.field("time_s");
    const auto value = number(field);
    if (field.empty())
      fail("time_s is blank");
    else if (!value || *value <= 0.0)
      fail(fmt::format("time_s is '{}', not a time above 0", field));
    return base::Seconds(value.value_or(1.0));
  }

  NumberFormat format(const std::string& name, NumberFormat otherwise) {
    const std::string field = row_.field(name);
    if (field.empty()) return otherwise;
    if (const auto known = models::number_format_from(field)) return *known;
    std::vector<std::string> names;
    for (const NumberFormat one : models::all_number_formats()) names.emplace_back(to_text(one));
    fail(fmt::format("{} '{}' is not known{}", name, field, base::did_you_mean(field, names)));
    return otherwise;
  }

  NumberFormat precision() {
    if (row_.field("precision").empty() && reason_.empty())
      diagnostics_.warning({row_.origin.file, row_.origin.line, 0},
                           "precision is blank: read as bf16");
    return format("precision", NumberFormat::bf16);
  }

  bool yes(const std::string& name, bool otherwise) {
    const std::string field = row_.field(name);
    for (const char* word : {"1", "true", "True", "yes", "causal"})
      if (field == word) return true;
    for (const char* word : {"0", "false", "False", "no", "full"})
      if (field == word) return false;
    if (!field.empty()) fail(fmt::format("{} is '{}', not 1 or 0", name, field));
    return otherwise;
  }

  void fail(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
  }

 private:
  const GenericRow& row_;
  base::Diagnostics& diagnostics_;
  std::string reason_;
};

models::GemmQuery gemm_query(FieldReader& in) {
  models::GemmQuery q;
  q.m = in.count("m");
  q.n = in.count("n");
  q.k = in.count("k");
  q.batch = in.count_or("batch", 1);
  q.groups = in.count_or("groups", 1);
  q.format = in.precision();
  return q;
}

AttentionPhase phase_of(FieldReader& in, const models::AttentionQuery& q) {
  const std::string phase = in.text("phase");
  if (phase.empty())
    return q.q_len == 1 && q.kv_len > 1 ? AttentionPhase::decode : AttentionPhase::context;
  for (const AttentionPhase one :
       {AttentionPhase::context, AttentionPhase::decode, AttentionPhase::backward})
    if (phase == to_text(one)) return one;
  if (phase == "forward" || phase == "prefill") return AttentionPhase::context;
  in.fail(fmt::format("phase '{}' is not context, decode or backward", phase));
  return AttentionPhase::context;
}

models::AttentionQuery attention_query(FieldReader& in) {
  models::AttentionQuery q;
  q.batch = in.count("batch");
  q.heads = in.count("heads");
  q.kv_heads = in.count_or("kv_heads", q.heads);
  q.head_dim = in.count("head_dim");
  q.value_dim = in.count_or("value_dim", 0);
  q.q_len = in.count("q_len");
  q.kv_len = in.count_or("kv_len", q.q_len);
  q.window = in.count_or("window", 0);
  q.format = in.precision();
  q.kv_format = in.format("kv_precision", q.format);
  q.phase = phase_of(in, q);
  q.mask = in.yes("causal", true) ? models::AttentionMask::causal : models::AttentionMask::full;
  const std::string kernel = in.text("implementation");
  if (kernel == "unfused")
    q.kernel = models::AttentionKernel::unfused;
  else if (!kernel.empty() && kernel != "fused" && kernel != "flash")
    in.fail(fmt::format("implementation '{}' is not fused or unfused", kernel));
  if (q.kv_len < q.q_len && in.reason().empty()) in.fail("kv_len is below q_len");
  return q;
}

models::MoeQuery moe_query(FieldReader& in) {
  models::MoeQuery q;
  q.tokens = in.count("tokens");
  q.hidden = in.count("hidden");
  q.intermediate = in.count("intermediate");
  q.top_k = in.count("top_k");
  q.experts = in.count("experts");
  q.tensor_ranks = in.count_or("tensor_ranks", 1);
  q.expert_ranks = in.count_or("expert_ranks", 1);
  q.format = in.precision();
  if (in.text("mlp") == "plain") q.mlp = models::ExpertMlp::plain;
  if (!in.text("skew").empty()) {
    const auto skew = number(in.text("skew"));
    if (!skew || *skew < 0.0) in.fail("skew is not a number of at least 0");
    q.skew = skew.value_or(0.0);
  }
  if (q.top_k > q.experts) in.fail("top_k is above experts");
  return q;
}

// A word of a closed list.
template <class Enum, class Parse>
Enum word(FieldReader& in, const std::string& column, Parse parse, Enum otherwise) {
  const std::string text = in.text(column);
  const std::optional<Enum> known = parse(text);
  if (!known) in.fail(fmt::format("{} '{}' is not known", column, text));
  return known.value_or(otherwise);
}

std::optional<models::KernelClass> kernel_class_from(std::string_view text) {
  if (text.starts_with("gemm")) return models::KernelClass::gemm;
  if (text.starts_with("attention")) return models::KernelClass::attention;
  if (text == "memory" || models::memory_op_from(text)) return models::KernelClass::memory;
  return std::nullopt;
}

std::optional<models::Background> background_from(std::string_view text) {
  if (text == "host_copy") return models::Background::host_copy;
  if (text == "peer_copy") return models::Background::peer_copy;
  if (text == "collective") return models::Background::collective;
  return std::nullopt;
}

models::MemoryQuery memory_query(FieldReader& in) {
  models::MemoryQuery q;
  q.op = word(in, "op", models::memory_op_from, models::MemoryOp::copy);
  q.bytes = base::Bytes(in.size("bytes"));
  q.rows = in.count_or("rows", 0);
  return q;
}

models::CopyQuery copy_query(FieldReader& in) {
  models::CopyQuery q;
  q.direction =
      word(in, "direction", models::copy_direction_from, models::CopyDirection::host_to_device);
  q.bytes = base::Bytes(in.size("bytes"));
  return q;
}

models::LaunchQuery launch_query(FieldReader& in) {
  if (in.text("op").empty()) return {};
  return {word(in, "op", models::launch_kind_from, models::LaunchKind::kernel)};
}

// Finds or makes the source of a row.
class SourceIndex {
 public:
  explicit SourceIndex(KernelRows& rows) : rows_(rows) {}

  std::int32_t of(const GenericRow& row) {
    RowSource source{row.origin.file, canonical_gpu(row.field("gpu")),
                     row.field("stack").empty() ? row.field("software") : row.field("stack"),
                     row.field("kernel"), row.field("source")};
    const auto key =
        std::tuple(source.file, source.gpu, source.stack, source.kernel, source.source);
    const auto [at, is_new] = index_.emplace(key, static_cast<std::int32_t>(rows_.sources.size()));
    if (is_new) rows_.sources.push_back(std::move(source));
    return at->second;
  }

 private:
  KernelRows& rows_;
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>,
           std::int32_t>
      index_;
};

bool is_kernel_kind(const std::string& kind) {
  constexpr std::array<std::string_view, 7> kKinds{"gemm", "attention", "moe",         "memory",
                                                   "copy", "launch",    "interference"};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

class Conversion {
 public:
  explicit Conversion(KernelRows& rows) : rows_(rows), sources_(rows) {}

  void take(const GenericRow& row) {
    if (row.kind == "gemm") add(row, rows_.gemm, gemm_query);
    if (row.kind == "attention") add(row, rows_.attention, attention_query);
    if (row.kind == "moe") add(row, rows_.moe, moe_query);
    if (row.kind == "memory") add(row, rows_.memory, memory_query);
    if (row.kind == "copy") add(row, rows_.copy, copy_query);
    if (row.kind == "launch") add(row, rows_.launch, launch_query);
    if (row.kind == "interference") add_interference(row);
  }

 private:
  template <class Query>
  void add(const GenericRow& row, std::vector<KernelRow<Query>>& to, Query (*read)(FieldReader&)) {
    FieldReader in(row, rows_.diagnostics);
    const base::Seconds time = in.time();
    const Query query = read(in);
    if (in.reason().empty())
      to.push_back({query, time, sources_.of(row), row.origin.line});
    else
      rows_.skipped.push_back({row.origin, in.reason()});
  }

  void add_interference(const GenericRow& row) {
    FieldReader in(row, rows_.diagnostics);
    const base::Seconds beside = in.time();
    const auto alone = number(in.text("alone_s"));
    if (!alone || *alone <= 0.0) in.fail("alone_s is not a time above 0");
    const models::InterferenceQuery query{
        .kernel = word(in, "op", kernel_class_from, models::KernelClass::gemm),
        .background = word(in, "background", background_from, models::Background::none)};
    if (in.reason().empty())
      rows_.interference.push_back(
          {query, beside.value() / *alone, sources_.of(row), row.origin.line});
    else
      rows_.skipped.push_back({row.origin, in.reason()});
  }

  KernelRows& rows_;
  SourceIndex sources_;
};

}  // namespace

std::string canonical_gpu(const std::string& text) {
  if (text.empty()) return text;
  static const std::vector<std::string> kNames = models::gpu_names();
  if (std::find(kNames.begin(), kNames.end(), text) != kNames.end()) return text;
  return gpu_from_product(text);
}

void take_kernel_rows(Measurements& measurements, KernelRows& rows) {
  Conversion conversion(rows);
  std::vector<GenericRow> rest;
  for (GenericRow& row : measurements.other) {
    if (is_kernel_kind(row.kind))
      conversion.take(row);
    else
      rest.push_back(std::move(row));
  }
  measurements.other = std::move(rest);
}

}  // namespace windtunnel::calibration
