#include "strategies/train/timeline_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

void write(const TimelineRow& row, base::Table& table) {
  base::Cell bytes;
  if (row.bytes.value() > 0) bytes = row.bytes.value();
  table.rows.push_back({row.participant, std::string(row.channel), std::string(row.kind), row.label,
                        row.peer, bytes, row.begin.value(), row.end.value()});
}

bool is_pass(const TimelineRow& row) {
  return row.channel == "compute" && row.kind != "optimizer";
}

// Passes of one participant that are left out, one after the other.
struct Gap {
  std::int64_t passes = 0;
  Seconds from{0}, to{0};

  void close(const std::string& participant, base::Table& table) {
    if (passes == 0) return;
    write({.participant = participant,
           .channel = "compute",
           .kind = "left_out",
           .label = fmt::format("{} passes left out", passes),
           .begin = from,
           .end = to},
          table);
    passes = 0;
  }
};

}  // namespace

std::string_view kind_text(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return "forward";
    case Pass::backward:
      return "backward";
    case Pass::backward_input:
      return "backward_input";
    case Pass::backward_weight:
      return "backward_weight";
    case Pass::overlapped:
      return "forward_backward";
  }
  return "";
}

std::string step_label(const PipelinePlan& plan, const PipelineStep& step) {
  std::string text = fmt::format("micro-batch {}", step.micro_batch);
  if (plan.chunks > 1) text += fmt::format(", chunk {}", step.chunk);
  if (step.pass == Pass::overlapped) {
    text += fmt::format("; backward of {}", step.backward_micro_batch);
  }
  return text;
}

std::string send_label(const PipelinePlan& plan, std::int32_t micro_batch, std::int32_t chunk,
                       int way) {
  std::string label =
      fmt::format("{} of micro-batch {}", way > 0 ? "activations" : "gradients", micro_batch);
  if (plan.chunks > 1) label += fmt::format(", chunk {}", chunk);
  return label;
}

void TimelineRows::add(TimelineRow row) {
  if (row.end > row.begin) rows_.push_back(std::move(row));
}

base::Table TimelineRows::table(std::int64_t most_rows) const {
  base::Table table{
      {"participant", "channel", "kind", "label", "peer", "bytes", "start_s", "end_s"}, {}};
  Seconds end{0};
  for (const TimelineRow& row : rows_) {
    if (is_pass(row)) end = base::max(end, row.end);
  }
  // How far a row is from the nearer end of the passes; what follows them is
  // always kept.
  const auto nearness = [end](const TimelineRow& row) {
    return base::min(row.begin, end - row.end).value();
  };
  double limit = end.value();
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(most_rows, 1));
  if (rows_.size() > most) {
    std::vector<double> all;
    all.reserve(rows_.size());
    for (const TimelineRow& row : rows_) all.push_back(nearness(row));
    const auto last = all.begin() + static_cast<std::ptrdiff_t>(most) - 1;
    std::nth_element(all.begin(), last, all.end());
    limit = *last;
  }
  std::map<std::string, Gap> gaps;
  for (const TimelineRow& row : rows_) {
    const bool kept = nearness(row) <= limit;
    if (is_pass(row)) {
      Gap& gap = gaps[row.participant];
      if (kept) gap.close(row.participant, table);
      if (!kept && gap.passes++ == 0) gap.from = row.begin;
      if (!kept) gap.to = row.end;
    }
    if (kept) write(row, table);
  }
  for (auto& [participant, gap] : gaps) gap.close(participant, table);
  return table;
}

}  // namespace windtunnel::strategies
