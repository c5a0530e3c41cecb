// The timeline of an iteration, one rank of each stage: what each stage does,
// when, and what it sends to whom.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "strategies/train/timeline_rows.hpp"
#include "strategies/train/train_tables.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

class Timeline {
 public:
  Timeline(const TrainPlan& plan, const Iteration& iteration)
      : plan_(plan.pipeline), iteration_(iteration) {}

  TimelineRows take() {
    Seconds all_done{0};
    for (std::int32_t d = 0; d < stages(); ++d)
      all_done = base::max(all_done, times(d).last_end + sync(d).reduce);
    for (std::int32_t d = 0; d < stages(); ++d) {
      for (const PassSpan& span : times(d).spans) {
        add({.participant = stage(d),
             .channel = "compute",
             .kind = kind_text(span.step.pass),
             .label = step_label(plan_, span.step),
             .begin = span.begin,
             .end = span.end});
        sends(d, span);
      }
      // Buckets go out while the backward passes run; what is exposed follows
      // the last pass.
      const Seconds end = times(d).last_end + sync(d).reduce;
      add({.participant = stage(d),
           .channel = "data",
           .kind = "gradients",
           .label = "gradient reduction",
           .bytes = sync(d).bytes,
           .begin = base::max(end - sync(d).total, Seconds(0)),
           .end = end});
      add({.participant = stage(d),
           .channel = "compute",
           .kind = "optimizer",
           .label = "optimizer step",
           .begin = all_done,
           .end = all_done + iteration_.parts.optimizer});
    }
    return std::move(rows_);
  }

 private:
  static std::string stage(std::int32_t device) { return fmt::format("stage {}", device); }
  std::int32_t stages() const {
    return static_cast<std::int32_t>(iteration_.schedule.devices.size());
  }
  const DeviceTimes& times(std::int32_t d) const {
    return iteration_.schedule.devices[static_cast<std::size_t>(d)];
  }
  const GradientSync& sync(std::int32_t d) const {
    return iteration_.syncs[static_cast<std::size_t>(d)];
  }
  void add(TimelineRow row) { rows_.add(std::move(row)); }

  void sends(std::int32_t d, const PassSpan& span) {
    const PipelineStep& step = span.step;
    for (const PipelineMessage& message : messages_after(plan_, d, step)) {
      const Hop& hop = iteration_.costs.hops[hop_between(plan_.shape.stages, d, message.to)];
      add({.participant = stage(d),
           .channel = "p2p",
           .kind = "send",
           .label = send_label(plan_, message.micro_batch, message.chunk, message.way),
           .peer = stage(message.to),
           .bytes = hop.bytes,
           .begin = span.end,
           .end = span.end + hop.time()});
    }
  }

  const PipelinePlan& plan_;
  const Iteration& iteration_;
  TimelineRows rows_;
};

}  // namespace

base::Table train_timeline(const TrainPlan& plan, const Iteration& iteration, std::int64_t rows) {
  return Timeline(plan, iteration).take().table(rows);
}

}  // namespace windtunnel::strategies
