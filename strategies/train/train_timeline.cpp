// The timeline of an iteration: what each stage does, when, and what it sends
// to whom.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "strategies/train/train_tables.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

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

class Timeline {
 public:
  Timeline(const TrainPlan& plan, const Iteration& iteration, std::int64_t rows)
      : plan_(plan.pipeline), iteration_(iteration) {
    for (const DeviceTimes& device : iteration.schedule.devices)
      makespan_ = base::max(makespan_, device.last_end);
    nearness_limit(rows);
  }

  base::Table take() {
    Seconds all_done{0};
    for (std::int32_t d = 0; d < stages(); ++d)
      all_done = base::max(all_done, times(d).last_end + sync(d).reduce);
    for (std::int32_t d = 0; d < stages(); ++d) {
      passes(d);
      // Buckets go out while the backward passes run; what is exposed follows
      // the last pass.
      const Seconds end = times(d).last_end + sync(d).reduce;
      add({d, "data", "gradients"}, "gradient reduction",
          {base::max(end - sync(d).total, Seconds(0)), end});
      add({d, "compute", "optimizer"}, "optimizer step",
          {all_done, all_done + iteration_.parts.optimizer});
    }
    return std::move(table_);
  }

 private:
  struct Row {
    std::int32_t stage;
    std::string_view channel;
    std::string_view kind;
  };
  using Span = std::pair<Seconds, Seconds>;

  std::int32_t stages() const {
    return static_cast<std::int32_t>(iteration_.schedule.devices.size());
  }
  const DeviceTimes& times(std::int32_t d) const {
    return iteration_.schedule.devices[static_cast<std::size_t>(d)];
  }
  const GradientSync& sync(std::int32_t d) const {
    return iteration_.syncs[static_cast<std::size_t>(d)];
  }

  // How far a pass is from the nearer end of the iteration.
  Seconds nearness(const PassSpan& span) const {
    return base::min(span.begin, makespan_ - span.end);
  }

  // Of a long iteration the passes near its ends are kept, at the same times on
  // all stages: the filling and the draining of the pipeline are there, and the
  // middle repeats itself.
  void nearness_limit(std::int64_t rows) {
    std::vector<double> all;
    for (const DeviceTimes& device : iteration_.schedule.devices) {
      for (const PassSpan& span : device.spans) all.push_back(nearness(span).value());
    }
    const auto rows_of_pass = iteration_.costs.hops.empty() ? 1 : 2;
    const auto most = static_cast<std::size_t>(std::max<std::int64_t>(rows / rows_of_pass, 1));
    if (all.size() <= most) return;
    const auto last = all.begin() + static_cast<std::ptrdiff_t>(most) - 1;
    std::nth_element(all.begin(), last, all.end());
    limit_ = Seconds(*last);
    cut_ = true;
  }

  void add(const Row& row, std::string label, Span span, std::string peer = "") {
    if (span.second <= span.first) return;
    table_.rows.push_back({fmt::format("stage {}", row.stage), std::string(row.channel),
                           std::string(row.kind), std::move(label), std::move(peer), base::Cell{},
                           span.first.value(), span.second.value()});
  }

  void passes(std::int32_t d) {
    std::int64_t left_out = 0;
    Seconds from{0};
    for (const PassSpan& span : times(d).spans) {
      if (cut_ && nearness(span) > limit_) {
        if (left_out++ == 0) from = span.begin;
        continue;
      }
      if (left_out > 0) {
        add({d, "compute", "left_out"}, fmt::format("{} passes left out", left_out),
            {from, span.begin});
        left_out = 0;
      }
      add({d, "compute", kind_text(span.step.pass)}, step_label(plan_, span.step),
          {span.begin, span.end});
      sends(d, span);
    }
  }

  void sends(std::int32_t d, const PassSpan& span) {
    const PipelineStep& step = span.step;
    if (iteration_.costs.hops.empty() || step.pass == Pass::backward_weight) return;
    const bool forward = step.pass == Pass::forward || step.pass == Pass::overlapped;
    if (forward) send(d, span.end, {step.micro_batch, {d, step.chunk}}, +1);
    if (step.pass == Pass::overlapped) {
      send(d, span.end, {step.backward_micro_batch, {d, step.backward_chunk}}, -1);
    } else if (!forward) {
      send(d, span.end, {step.micro_batch, {d, step.chunk}}, -1);
    }
  }

  // `way` +1: activations to the next position of the micro-batch, -1:
  // gradients to the last.
  void send(std::int32_t d, Seconds begin, const std::pair<std::int32_t, Place>& from, int way) {
    const std::int32_t position = plan_.position(from.first, from.second);
    const std::int32_t next = position + way;
    if (next < 0 || next >= plan_.positions) return;
    const std::int32_t to = plan_.place(from.first, next).device;
    if (to == d) return;
    const Seconds hop = iteration_.costs.hops[hop_between(plan_.shape.stages, d, to)].time();
    std::string label =
        fmt::format("{} of micro-batch {}", way > 0 ? "activations" : "gradients", from.first);
    if (plan_.chunks > 1) label += fmt::format(", chunk {}", from.second.chunk);
    add({d, "p2p", "send"}, std::move(label), {begin, begin + hop}, fmt::format("stage {}", to));
  }

  const PipelinePlan& plan_;
  const Iteration& iteration_;
  Seconds makespan_{0};
  Seconds limit_{0};
  bool cut_ = false;
  base::Table table_{
      {"participant", "channel", "kind", "label", "peer", "bytes", "start_s", "end_s"}, {}};
};

}  // namespace

base::Table train_timeline(const TrainPlan& plan, const Iteration& iteration, std::int64_t rows) {
  return Timeline(plan, iteration, rows).take();
}

}  // namespace windtunnel::strategies
