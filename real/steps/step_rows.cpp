#include "real/steps/step_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

std::string text(std::int64_t value) {
  return std::to_string(value);
}

void add_shape(Fields& row, const models::KernelQuery& query) {
  if (const auto* gemm = std::get_if<models::GemmQuery>(&query)) {
    set_fields(
        row,
        {{"kernel", "gemm"}, {"m", text(gemm->m)}, {"n", text(gemm->n)}, {"k", text(gemm->k)}});
  } else if (const auto* attention = std::get_if<models::AttentionQuery>(&query)) {
    set_fields(row, {{"kernel", "attention"},
                     {"batch", text(attention->batch)},
                     {"heads", text(attention->heads)},
                     {"kv_heads", text(attention->kv_heads)},
                     {"head_dim", text(attention->head_dim)},
                     {"q_len", text(attention->q_len)},
                     {"kv_len", text(attention->kv_len)},
                     {"causal", "1"}});
  } else if (const auto* memory = std::get_if<models::MemoryQuery>(&query)) {
    set_fields(row, {{"kernel", std::string(to_text(memory->op))},
                     {"bytes", fmt::format("{:.0f}", memory->bytes.value())},
                     {"rows", memory->rows > 0 ? text(memory->rows) : ""}});
  }
}

}  // namespace

Fields step_fields(const StepShape& s, const StepRun& run) {
  const bool whole = s.vocabulary > 0;
  Fields fields{{"kind", "step"},
                {"model", s.name},
                {"implementation", run.implementation},
                {"gpus", text(run.gpus)},
                {"gpus_per_node", text(run.gpus_per_node)},
                {"layers", text(s.layers)},
                {"hidden", text(s.hidden)},
                {"ffn", text(s.ffn)},
                {"heads", text(s.heads)},
                {"kv_heads", text(s.kv_heads)},
                {"head_dim", text(s.head_dim)},
                {"vocab", text(s.vocabulary)},
                {"sequence_length", text(s.sequence)},
                {"precision", "bf16"},
                {"precision_detail", "fp32 master weights and gradients"},
                {"optimizer", "adamw"},
                {"tensor", "1"},
                {"pipeline", "1"},
                {"data", text(run.gpus)},
                {"zero", "0"},
                {"recompute", "none"},
                {"micro_batch", text(s.batch)},
                {"global_batch", text(s.batch * run.gpus)},
                {"overlap", run.overlap}};
  if (run.bucket_bytes > 0) set_field(fields, "bucket_bytes", text(run.bucket_bytes));
  if (!whole) set_field(fields, "notes", "blocks alone: no embedding, no head");
  return fields;
}

std::vector<Fields> step_op_rows(const StepShape& shape, const std::vector<StepOp>& ops,
                                 const std::vector<base::Seconds>& times) {
  base::expects(ops.size() == times.size(), "every op of a step has its time");
  struct Total {
    const StepOp* op = nullptr;
    base::Seconds time{0};
    std::int64_t calls = 0;
  };
  std::vector<Total> totals;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto found = std::find_if(totals.begin(), totals.end(),
                              [&](const Total& total) { return total.op->kind == ops[i].kind; });
    if (found == totals.end()) found = totals.insert(totals.end(), Total{&ops[i]});
    found->time += times[i];
    ++found->calls;
  }
  std::vector<Fields> rows;
  for (const Total& total : totals) {
    Fields row{{"kind", "step_op"},
               {"op", std::string(to_text(total.op->kind))},
               {"phase", std::string(to_text(total.op->phase))},
               {"model", shape.name},
               {"layers", text(total.calls)},
               {"precision", "bf16"}};
    add_shape(row, total.op->query);
    set_field(row, "time_s", time_text(total.time / static_cast<double>(total.calls)));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace windtunnel::real
