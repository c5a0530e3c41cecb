// A pipeline schedule as data: for each device the order in which it works off passes.
//
// Words: a micro-batch runs forward through `positions` 0..P-1 and backward from P-1 to 0. A
// position is one chunk of layers; a device holds one or more chunks. Placements:
//   gpipe 1f1b zb_h1   P = p,   position q on device q
//   interleaved        P = p v, position q on device q mod p, chunk q / p
//                      (Narayanan et al. 2021, arXiv 2104.04473, section 2.2)
//   zb_v               P = 2 p, down and up again: devices 0..p-1, then p-1..0
//                      (Qi et al. 2024, arXiv 2405.15362)
//   dualpipe           P = p in two directions: micro-batches of the first half start on device 0,
//                      those of the second on device p-1; each device holds the chunks of both
//                      (DeepSeek-V3 Technical Report, arXiv 2412.19437, section 3.2.1)
// Passes: forward; backward (gradients of input and weights in one); or, where a schedule splits
// it, backward_input and backward_weight (Qi et al. 2023, arXiv 2401.10241). `overlapped` runs a
// forward and a full backward of two micro-batches side by side (DualPipe).
// Contract: every (micro-batch, position) is passed forward once and backward once (whole, or input
// and weight once each); the orders admit an execution without deadlock (a test proves both).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windtunnel::strategies {

enum class PipelineSchedule { gpipe, one_f_one_b, interleaved, zb_h1, zb_v, dualpipe };
std::string_view to_text(PipelineSchedule schedule);  // as contract.md spells them
std::optional<PipelineSchedule> pipeline_schedule_from(std::string_view text);
const std::vector<PipelineSchedule>& all_pipeline_schedules();

enum class Pass : std::uint8_t { forward, backward, backward_input, backward_weight, overlapped };

struct PipelineStep {
  Pass pass = Pass::forward;
  std::int32_t micro_batch = 0;
  std::int32_t chunk = 0;  // of the device
  // overlapped: the step above is the forward, this the backward beside it.
  std::int32_t backward_micro_batch = 0;
  std::int32_t backward_chunk = 0;
};

// Whether a pass adds to the gradients of its (backward) chunk, and which chunk that is.
bool adds_gradients(Pass pass);
std::int32_t gradient_chunk(const PipelineStep& step);

struct Place {
  std::int32_t device = 0;
  std::int32_t chunk = 0;
};

struct PipelineShape {
  PipelineSchedule schedule = PipelineSchedule::one_f_one_b;
  std::int32_t stages = 1;          // p: devices of the pipeline
  std::int32_t virtual_stages = 1;  // v: chunks a device, interleaved only
  std::int32_t micro_batches = 1;   // m

  bool operator==(const PipelineShape&) const = default;
};

struct PipelineProgram;  // pipeline_program.hpp

// The order of each device, shared by the plans of a shape.
class PipelineOrders {
 public:
  using Order = std::vector<PipelineStep>;

  PipelineOrders() = default;
  explicit PipelineOrders(std::vector<Order> devices)
      : devices_(std::make_shared<const std::vector<Order>>(std::move(devices))) {}

  std::size_t size() const { return devices_ == nullptr ? 0 : devices_->size(); }
  const Order& operator[](std::size_t device) const { return (*devices_)[device]; }
  const Order* begin() const { return devices_ == nullptr ? nullptr : devices_->data(); }
  const Order* end() const { return begin() + size(); }

 private:
  std::shared_ptr<const std::vector<Order>> devices_;
};

struct PipelinePlan {
  PipelineShape shape;
  std::int32_t positions = 1;  // P
  std::int32_t chunks = 1;     // of a device
  PipelineOrders devices;
  std::shared_ptr<const PipelineProgram> program{};  // the same, to be timed

  // Where position q of a micro-batch's way is.
  Place place(std::int32_t micro_batch, std::int32_t position) const;
  // The position that a chunk of a device is for a micro-batch.
  std::int32_t position(std::int32_t micro_batch, Place place) const;
  // DualPipe: which way a micro-batch goes (0 or 1); 0 elsewhere.
  std::int32_t direction(std::int32_t micro_batch) const;
  // Which part of the model a chunk holds: its position on the way of direction 0 or 1.
  std::int32_t model_chunk(Place place) const;
};

// What a device sends to another after a step: activations to the next position of the
// micro-batch (way +1), gradients to the one before (way -1).
struct PipelineMessage {
  std::int32_t micro_batch = 0;
  std::int32_t chunk = 0;     // of the sender
  std::int32_t position = 0;  // that it goes to
  std::int32_t to = 0;        // device
  int way = 1;
};
std::vector<PipelineMessage> messages_after(const PipelinePlan& plan, std::int32_t device,
                                            const PipelineStep& step);

// What a step needs from another device: what comes to a position of a micro-batch, which way.
struct PipelineInput {
  std::int32_t micro_batch = 0, position = 0;
  int way = 1;
};
std::vector<PipelineInput> inputs_of(const PipelinePlan& plan, std::int32_t device,
                                     const PipelineStep& step);

// Why there is no such schedule, in a sentence with the numbers; nothing where there is one.
std::optional<std::string> pipeline_infeasible(const PipelineShape& shape);
// P, before there is a plan.
std::int32_t pipeline_positions(const PipelineShape& shape);
// Pre: feasible. O(P m) steps.
PipelinePlan make_pipeline_plan(const PipelineShape& shape);

// Most (micro-batch, chunk) activations that a device holds at once, when what a forward keeps is
// given free in part by backward_input (share `freed_by_input` of it) and the rest by
// backward_weight.
double peak_activations(const std::vector<PipelineStep>& device, double freed_by_input);

}  // namespace windtunnel::strategies
