// When each pass of a pipeline schedule runs, given what the passes cost.
//
// Model: a device works its order off one pass after the other. forward(i, q) waits for
// forward(i, q-1) and the hop between; backward (or backward_input) of (i, q) for that of (i, q+1)
// and the hop; both for the forward at the same place; backward_weight for its backward_input.
// Hops between chunks of one device take no time. Sends are either beside the computation, or
// (`blocking`) the sender's device is busy until what it sent after a pass has arrived. An overlapped pair takes
// forward + backward - what overlapping saves.
// Exact for these assumptions; O(steps). This is the analytic engine of a pipeline: nothing shares
// a link here.
// Bubble of a device: from the start of its first pass to the end of its last, less its passes and
// blocking sends. For 1F1B and GPipe with equal passes the first device has (p-1)(F+B), so
// bubble / ideal = (p-1)/m. DualPipe's is the published one, (p/2-1)(F&B + B - 3W), where the gradients of
// input and weights take as long as each other, else what its published order gives.
#pragma once

#include <functional>
#include <vector>

#include "sim/base/quantity.hpp"
#include "strategies/train/pipeline_program.hpp"

namespace windtunnel::strategies {

struct PassCosts {
  base::Seconds forward{0};
  base::Seconds backward_input{0};
  base::Seconds backward_weight{0};
  base::Seconds saved_by_overlap{0};  // of a pair whose forward is on this chunk

  base::Seconds backward() const { return backward_input + backward_weight; }
};

enum class SendMode { beside, blocking };

struct PipelineCosts {
  std::vector<PassCosts> chunks;  // by model chunk, plan.positions of them
  // Between device d and d + 1, either way; the last: between the last device and the first. One a
  // device, or empty.
  std::vector<base::Seconds> hops;
  SendMode sends = SendMode::beside;
  // Where passes of a chunk are not alike: of a device and the place of the step in its order.
  // Empty: as `chunks` say.
  std::function<base::Seconds(std::int32_t device, std::size_t step)> duration{};
  std::vector<double> message_scale{};  // of hops, by micro-batch; empty: 1
};

struct PassSpan {
  PipelineStep step;
  base::Seconds begin{0}, end{0};  // of the pass, without a blocking send
  base::Seconds sending{0};        // after `end`
};

struct DeviceTimes {
  std::vector<PassSpan> spans;  // in order
  base::Seconds first_begin{0}, last_end{0};
  base::Seconds busy{0};     // in passes
  base::Seconds sending{0};  // in blocking sends

  base::Seconds bubble() const { return last_end - first_begin - busy - sending; }
};

struct PipelineTimes {
  std::vector<DeviceTimes> devices;
  base::Seconds makespan{0};
};

// What a step takes: `on` are the costs of its chunk, `other` those of the backward beside it.
base::Seconds step_duration(Pass pass, const PassCosts& on, const PassCosts& other);

// Which passes leave their span: all, those after which the gradients of a chunk are whole, or none.
enum class SpansKept { all, closing, none };

PipelineTimes pipeline_times(const PipelinePlan& plan, const PipelineCosts& costs,
                             SpansKept spans = SpansKept::all);

}  // namespace windtunnel::strategies
