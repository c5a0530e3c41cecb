#include "scenarios/steps/step_row.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace windtunnel::scenarios {
namespace {

std::optional<double> number(const std::string& text) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

class Reader {
 public:
  explicit Reader(const calibration::GenericRow& row) : row_(row) {}

  void text(const char* column, std::string& out) { out = row_.field(column); }
  // Counts are written as whole numbers, some tables write 2.0.
  void count(const char* column, std::optional<std::int64_t>& out) {
    if (const auto value = checked(column); value && *value >= 0) {
      out = static_cast<std::int64_t>(std::llround(*value));
    }
  }
  void amount(const char* column, std::optional<double>& out) {
    const auto value = checked(column);
    if (value && *value <= 0) problem(column, row_.field(column));
    if (value && *value > 0) out = value;
  }
  const std::string& problems() const { return problems_; }

 private:
  std::optional<double> checked(const char* column) {
    const std::string text = row_.field(column);
    if (text.empty()) return std::nullopt;
    const auto value = number(text);
    if (!value) problem(column, text);
    return value;
  }
  void problem(const char* column, const std::string& text) {
    if (problems_.empty())
      problems_ = fmt::format("{} is '{}', which is no usable number", column, text);
  }

  const calibration::GenericRow& row_;
  std::string problems_;
};

}  // namespace

std::optional<double> StepRow::measured_time() const {
  if (time_s) return time_s;
  if (!tokens_per_s_per_gpu || !gpus || !global_batch || !sequence_length) return std::nullopt;
  return static_cast<double>(*global_batch * *sequence_length) /
         (*tokens_per_s_per_gpu * static_cast<double>(*gpus));
}

StepReading read_step(const calibration::GenericRow& row) {
  StepRow out;
  out.origin = row.origin;
  Reader read(row);
  const std::array<std::pair<const char*, std::string*>, 14> texts{{
      {"id", &out.id},
      {"gpu", &out.gpu},
      {"model", &out.model},
      {"precision", &out.precision},
      {"schedule", &out.schedule},
      {"recompute", &out.recompute},
      {"overlap", &out.overlap},
      {"optimizer", &out.optimizer},
      {"interconnect", &out.interconnect},
      {"stack", &out.stack},
      {"source", &out.source},
      {"notes", &out.notes},
      {"outcome", &out.outcome},
      {"memory_kind", &out.memory_kind},
  }};
  for (const auto& [column, target] : texts) read.text(column, *target);
  const std::array<std::pair<const char*, std::optional<std::int64_t>*>, 22> counts{{
      {"gpus", &out.gpus},
      {"gpus_per_node", &out.gpus_per_node},
      {"scale_up_size", &out.scale_up_size},
      {"layers", &out.layers},
      {"hidden", &out.hidden},
      {"ffn", &out.ffn},
      {"heads", &out.heads},
      {"kv_heads", &out.kv_heads},
      {"vocab", &out.vocab},
      {"experts", &out.experts},
      {"top_k", &out.top_k},
      {"sequence_length", &out.sequence_length},
      {"tensor", &out.tensor},
      {"pipeline", &out.pipeline},
      {"virtual_stages", &out.virtual_stages},
      {"context", &out.context},
      {"expert", &out.expert},
      {"data", &out.data},
      {"zero", &out.zero},
      {"sequence_parallel", &out.sequence_parallel},
      {"micro_batch", &out.micro_batch},
      {"global_batch", &out.global_batch},
  }};
  for (const auto& [column, target] : counts) read.count(column, *target);
  read.amount("nic_gbit_per_gpu", out.nic_gbit_per_gpu);
  read.amount("time_s", out.time_s);
  read.amount("tokens_per_s_per_gpu", out.tokens_per_s_per_gpu);
  read.amount("memory_gib", out.memory_gib);
  read.amount("memory_percent", out.memory_percent);
  if (!read.problems().empty()) return {std::nullopt, read.problems()};
  if (!out.gpus || *out.gpus < 1) return {std::nullopt, "gpus is blank or 0"};
  if (!out.global_batch || *out.global_batch < 1)
    return {std::nullopt, "global_batch is blank or 0"};
  return {std::move(out), ""};
}

}  // namespace windtunnel::scenarios
