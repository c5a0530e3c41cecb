#include "strategies/train/pipeline_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sim/base/contract.hpp"
#include "strategies/train/pipeline_orders.hpp"
#include "strategies/train/pipeline_program.hpp"

namespace windtunnel::strategies {
namespace {

constexpr std::array<std::pair<PipelineSchedule, std::string_view>, 6> kNames{{
    {PipelineSchedule::gpipe, "gpipe"},
    {PipelineSchedule::one_f_one_b, "1f1b"},
    {PipelineSchedule::interleaved, "interleaved"},
    {PipelineSchedule::zb_h1, "zb_h1"},
    {PipelineSchedule::zb_v, "zb_v"},
    {PipelineSchedule::dualpipe, "dualpipe"},
}};

std::int32_t chunks_of_device(const PipelineShape& shape) {
  switch (shape.schedule) {
    case PipelineSchedule::interleaved:
      return shape.virtual_stages;
    case PipelineSchedule::zb_v:
    case PipelineSchedule::dualpipe:
      return 2;
    case PipelineSchedule::gpipe:
    case PipelineSchedule::one_f_one_b:
    case PipelineSchedule::zb_h1:
      return 1;
  }
  return 1;
}

std::vector<PipelineStep> order_of(const PipelineShape& shape, std::int32_t device) {
  switch (shape.schedule) {
    case PipelineSchedule::gpipe:
      return gpipe_order(shape);
    case PipelineSchedule::one_f_one_b:
      return one_f_one_b_order(shape, device);
    case PipelineSchedule::interleaved:
      return interleaved_order(shape, device);
    case PipelineSchedule::zb_h1:
      return zb_h1_order(shape, device);
    case PipelineSchedule::zb_v:
      return zb_v_order(shape, device);
    case PipelineSchedule::dualpipe:
      return dualpipe_order(shape, device);
  }
  return {};
}

}  // namespace

std::string_view to_text(PipelineSchedule schedule) {
  return kNames[static_cast<std::size_t>(schedule)].second;
}

std::optional<PipelineSchedule> pipeline_schedule_from(std::string_view text) {
  for (const auto& [schedule, name] : kNames)
    if (name == text) return schedule;
  return std::nullopt;
}

const std::vector<PipelineSchedule>& all_pipeline_schedules() {
  static const std::vector<PipelineSchedule> all = [] {
    std::vector<PipelineSchedule> schedules;
    for (const auto& [schedule, name] : kNames) schedules.push_back(schedule);
    return schedules;
  }();
  return all;
}

std::optional<std::string> pipeline_infeasible(const PipelineShape& shape) {
  const std::int32_t p = shape.stages, m = shape.micro_batches, v = shape.virtual_stages;
  if (p < 1 || m < 1 || v < 1) return "a pipeline needs at least one stage and one micro-batch";
  if (v > 1 && shape.schedule != PipelineSchedule::interleaved) {
    return fmt::format("schedule {} has no virtual_stages ({} given); interleaved has",
                       to_text(shape.schedule), v);
  }
  switch (shape.schedule) {
    case PipelineSchedule::gpipe:
    case PipelineSchedule::one_f_one_b:
    case PipelineSchedule::zb_h1:
    case PipelineSchedule::zb_v:
      return std::nullopt;
    case PipelineSchedule::interleaved:
      if (v > 1 && p > 1 && m % p != 0) {
        return fmt::format(
            "the interleaved schedule needs micro-batches in multiples of the {} stages, not {}", p,
            m);
      }
      return std::nullopt;
    case PipelineSchedule::dualpipe:
      if (p % 2 != 0) return fmt::format("dualpipe needs an even number of stages, not {}", p);
      if (m % 2 != 0 || m < 2 * p) {
        return fmt::format(
            "dualpipe over {} stages needs an even number of micro-batches, at least {}, not {}", p,
            2 * p, m);
      }
      return std::nullopt;
  }
  return std::nullopt;
}

std::int32_t pipeline_positions(const PipelineShape& shape) {
  // DualPipe's two chunks of a device are those of two ways.
  const bool two_ways = shape.schedule == PipelineSchedule::dualpipe;
  return two_ways ? shape.stages : shape.stages * chunks_of_device(shape);
}

PipelinePlan make_pipeline_plan(const PipelineShape& shape) {
  base::expects(!pipeline_infeasible(shape), "the pipeline's shape is feasible");
  PipelinePlan plan;
  plan.shape = shape;
  plan.chunks = chunks_of_device(shape);
  plan.positions = pipeline_positions(shape);
  std::vector<PipelineOrders::Order> orders;
  orders.reserve(static_cast<std::size_t>(shape.stages));
  for (std::int32_t device = 0; device < shape.stages; ++device) {
    orders.push_back(order_of(shape, device));
  }
  plan.devices = PipelineOrders(std::move(orders));
  plan.program = std::make_shared<const PipelineProgram>(pipeline_program(plan));
  return plan;
}

bool adds_gradients(Pass pass) {
  return pass == Pass::backward || pass == Pass::backward_weight || pass == Pass::overlapped;
}

std::int32_t gradient_chunk(const PipelineStep& step) {
  return step.pass == Pass::overlapped ? step.backward_chunk : step.chunk;
}

std::int32_t PipelinePlan::direction(std::int32_t micro_batch) const {
  if (shape.schedule != PipelineSchedule::dualpipe) return 0;
  return micro_batch < shape.micro_batches / 2 ? 0 : 1;
}

Place PipelinePlan::place(std::int32_t micro_batch, std::int32_t position) const {
  const std::int32_t p = shape.stages;
  switch (shape.schedule) {
    case PipelineSchedule::dualpipe:
      // Chunk 0 of a device is its part for direction 0, chunk 1 that for direction 1.
      return direction(micro_batch) == 0 ? Place{position, 0} : Place{p - 1 - position, 1};
    case PipelineSchedule::zb_v:
      return position < p ? Place{position, 0} : Place{2 * p - 1 - position, 1};
    default:
      return {position % p, position / p};
  }
}

std::int32_t PipelinePlan::position(std::int32_t micro_batch, Place where) const {
  if (shape.schedule == PipelineSchedule::dualpipe) {
    base::expects(where.chunk == direction(micro_batch), "a chunk serves one direction");
  }
  return model_chunk(where);
}

std::int32_t PipelinePlan::model_chunk(Place where) const {
  const std::int32_t p = shape.stages;
  switch (shape.schedule) {
    case PipelineSchedule::dualpipe:
      return where.chunk == 0 ? where.device : p - 1 - where.device;
    case PipelineSchedule::zb_v:
      return where.chunk == 0 ? where.device : 2 * p - 1 - where.device;
    default:
      return where.chunk * p + where.device;
  }
}

std::vector<PipelineMessage> messages_after(const PipelinePlan& plan, std::int32_t device,
                                            const PipelineStep& step) {
  std::vector<PipelineMessage> messages;
  const auto send = [&](std::int32_t micro_batch, std::int32_t chunk, int way) {
    const std::int32_t next = plan.position(micro_batch, {device, chunk}) + way;
    if (next < 0 || next >= plan.positions) return;
    const std::int32_t to = plan.place(micro_batch, next).device;
    if (to != device) messages.push_back({micro_batch, chunk, next, to, way});
  };
  switch (step.pass) {
    case Pass::forward:
      send(step.micro_batch, step.chunk, +1);
      break;
    case Pass::backward:
    case Pass::backward_input:
      send(step.micro_batch, step.chunk, -1);
      break;
    case Pass::backward_weight:
      break;
    case Pass::overlapped:
      send(step.micro_batch, step.chunk, +1);
      send(step.backward_micro_batch, step.backward_chunk, -1);
      break;
  }
  return messages;
}

std::vector<PipelineInput> inputs_of(const PipelinePlan& plan, std::int32_t device,
                                     const PipelineStep& step) {
  std::vector<PipelineInput> all;
  const auto need = [&](std::int32_t micro_batch, std::int32_t chunk, int way) {
    const std::int32_t at = plan.position(micro_batch, {device, chunk});
    const std::int32_t from = at - way;
    if (from < 0 || from >= plan.positions) return;
    if (plan.place(micro_batch, from).device != device) all.push_back({micro_batch, at, way});
  };
  const bool both = step.pass == Pass::overlapped;
  if (both || step.pass == Pass::forward) need(step.micro_batch, step.chunk, +1);
  if (step.pass == Pass::backward || step.pass == Pass::backward_input) {
    need(step.micro_batch, step.chunk, -1);
  }
  if (both) need(step.backward_micro_batch, step.backward_chunk, -1);
  return all;
}

double peak_activations(const std::vector<PipelineStep>& device, double freed_by_input) {
  double held = 0.0, peak = 0.0;
  for (const PipelineStep& step : device) {
    switch (step.pass) {
      case Pass::forward:
        held += 1.0;
        break;
      case Pass::backward:
        held -= 1.0;
        break;
      case Pass::backward_input:
        held -= freed_by_input;
        break;
      case Pass::backward_weight:
        held -= 1.0 - freed_by_input;
        break;
      case Pass::overlapped:
        peak = std::max(peak, held + 1.0);
        break;
    }
    peak = std::max(peak, held);
  }
  return peak;
}

}  // namespace windtunnel::strategies
