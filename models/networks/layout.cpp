#include "models/networks/layout.hpp"

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::models {

std::int64_t ceil_div(std::int64_t value, std::int64_t parts) {
  base::expects(parts >= 1, "a division into no parts");
  return (value + parts - 1) / parts;
}

Formats formats_of(NumberFormat precision) {
  Formats formats{.linear = precision, .experts = precision};
  const bool wide = precision == NumberFormat::fp32 || precision == NumberFormat::tf32 ||
                    precision == NumberFormat::fp64 || precision == NumberFormat::fp16;
  if (wide) {
    formats.attention = formats.head = formats.kv_cache = precision;
  }
  return formats;
}

double element_bytes(const Formats& formats) {
  switch (formats.linear) {
    case NumberFormat::fp64:
      return 8.0;
    case NumberFormat::fp32:
    case NumberFormat::tf32:
      return 4.0;
    default:
      return 2.0;
  }
}

double gemm_input_bytes(const Formats& formats) {
  return activation_bytes(formats.linear);
}

std::int64_t total_rows(const Rows& rows, const BatchShape& batch, Mode mode) {
  switch (rows.basis) {
    case RowBasis::token:
      return batch.sequences * batch.query_tokens * rows.per;
    case RowBasis::encoder_token:
      return batch.sequences * batch.encoder_tokens * rows.per;
    case RowBasis::loss_token:
      return batch.sequences * (mode == Mode::training ? batch.query_tokens : 1) * rows.per;
    case RowBasis::sequence:
      return batch.sequences * rows.per;
  }
  return 0;
}

std::int64_t rows_on_rank(const Op& op, const BatchShape& batch, const Layout& layout, Mode mode) {
  std::int64_t rows = total_rows(op.rows, batch, mode);
  if (op.rows.basis != RowBasis::sequence) rows = ceil_div(rows, layout.context);
  const bool shared = op.split == TensorSplit::replicated || op.split == TensorSplit::experts;
  if (shared && layout.sequence == SequenceParallel::on) rows = ceil_div(rows, layout.tensor);
  return rows;
}

std::int64_t kv_heads_on_rank(std::int64_t kv_heads, const Layout& layout) {
  return std::max<std::int64_t>(1, ceil_div(kv_heads, layout.tensor));
}

}  // namespace windtunnel::models
