// Rows of a training timeline, limited to a number.
//
// Columns: participant, channel, kind, label, peer, bytes, start_s, end_s. Of a
// long iteration the rows near its ends are kept, at the same times for all
// participants: the filling and the draining of the pipeline are there, and the
// middle repeats itself. A `left_out` row stands where passes are missing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/fact.hpp"
#include "sim/base/quantity.hpp"
#include "strategies/train/pipeline_plan.hpp"

namespace windtunnel::strategies {

std::string_view kind_text(Pass pass);
std::string step_label(const PipelinePlan& plan, const PipelineStep& step);
// Of what a rank of stage `way` +1 sends on (activations) or -1 back
// (gradients).
std::string send_label(const PipelinePlan& plan, std::int32_t micro_batch, std::int32_t chunk,
                       int way);

struct TimelineRow {
  std::string participant;
  std::string_view channel, kind;
  std::string label;
  std::string peer{};
  base::Bytes bytes{0};  // 0: not said
  base::Seconds begin{0}, end{0};
};

class TimelineRows {
 public:
  // Rows of no length are not kept; those of a participant's channel come in
  // order of time.
  void add(TimelineRow row);
  base::Table table(std::int64_t most_rows) const;

 private:
  std::vector<TimelineRow> rows_;
};

}  // namespace windtunnel::strategies
