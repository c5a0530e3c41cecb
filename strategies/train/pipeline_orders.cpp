#include "strategies/train/pipeline_orders.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

namespace windtunnel::strategies {
namespace {

// Appends passes of one device, counting micro-batches of each chunk and pass up from its first.
class OrderWriter {
 public:
  explicit OrderWriter(std::int32_t micro_batches) : end_{micro_batches, micro_batches} {
    steps_.reserve(2 * static_cast<std::size_t>(micro_batches));
  }
  // DualPipe: chunk 1 works on micro-batches first.. of its own.
  OrderWriter(std::int32_t half, std::int32_t whole)
      : forward_{0, half}, input_{0, half}, weight_{0, half}, end_{half, whole} {}

  // Each does nothing where the chunk has no micro-batch left for it.
  void forward(std::size_t chunk) { emit(Pass::forward, chunk, forward_); }
  void backward_input(std::size_t chunk) { emit(Pass::backward_input, chunk, input_); }
  void backward_weight(std::size_t chunk) { emit(Pass::backward_weight, chunk, weight_); }
  void backward(std::size_t chunk) { emit(Pass::backward, chunk, input_); }
  // Input gradients now, weight gradients when `oldest_weight` comes to them.
  void split_backward(std::size_t chunk) {
    waiting_.push_back({.pass = Pass::backward_weight,
                        .micro_batch = input_[chunk],
                        .chunk = static_cast<std::int32_t>(chunk)});
    backward_input(chunk);
  }
  void oldest_weight() {
    steps_.push_back(waiting_.front());
    waiting_.pop_front();
  }
  void overlapped(std::size_t forward_chunk, std::size_t backward_chunk) {
    steps_.push_back({.pass = Pass::overlapped,
                      .micro_batch = forward_[forward_chunk]++,
                      .chunk = static_cast<std::int32_t>(forward_chunk),
                      .backward_micro_batch = input_[backward_chunk]++,
                      .backward_chunk = static_cast<std::int32_t>(backward_chunk)});
  }

  std::int32_t forwards(std::size_t chunk) const { return forward_[chunk]; }
  std::int32_t inputs(std::size_t chunk) const { return input_[chunk]; }
  std::int32_t weights(std::size_t chunk) const { return weight_[chunk]; }
  std::vector<PipelineStep> take() { return std::move(steps_); }

 private:
  void emit(Pass pass, std::size_t chunk, std::array<std::int32_t, 2>& next) {
    if (next[chunk] >= end_[chunk]) return;
    steps_.push_back(
        {.pass = pass, .micro_batch = next[chunk]++, .chunk = static_cast<std::int32_t>(chunk)});
  }

  std::array<std::int32_t, 2> forward_{}, input_{}, weight_{}, end_;
  std::vector<PipelineStep> steps_;
  std::deque<PipelineStep> waiting_;
};

}  // namespace

std::vector<PipelineStep> gpipe_order(const PipelineShape& shape) {
  std::vector<PipelineStep> steps;
  for (std::int32_t i = 0; i < shape.micro_batches; ++i) {
    steps.push_back({.pass = Pass::forward, .micro_batch = i});
  }
  for (std::int32_t i = shape.micro_batches; i-- > 0;) {
    steps.push_back({.pass = Pass::backward, .micro_batch = i});
  }
  return steps;
}

std::vector<PipelineStep> one_f_one_b_order(const PipelineShape& shape, std::int32_t device) {
  OrderWriter out(shape.micro_batches);
  const std::int32_t warm_up = std::min(shape.stages - 1 - device, shape.micro_batches);
  for (std::int32_t i = 0; i < warm_up; ++i) out.forward(0);
  for (std::int32_t i = 0; i < shape.micro_batches; ++i) {
    out.forward(0);
    out.backward(0);
  }
  return out.take();
}

std::vector<PipelineStep> interleaved_order(const PipelineShape& shape, std::int32_t device) {
  const std::int32_t p = shape.stages, v = shape.virtual_stages, m = shape.micro_batches;
  if (v == 1 || p == 1) {
    // One chunk, or no pipeline: nothing to interleave, chunks run one after the other.
    if (v == 1) return one_f_one_b_order(shape, device);
    std::vector<PipelineStep> steps;
    steps.reserve(2 * static_cast<std::size_t>(m) * static_cast<std::size_t>(v));
    for (std::int32_t i = 0; i < m; ++i) {
      for (std::int32_t c = 0; c < v; ++c) {
        steps.push_back({.pass = Pass::forward, .micro_batch = i, .chunk = c});
      }
      for (std::int32_t c = v; c-- > 0;) {
        steps.push_back({.pass = Pass::backward, .micro_batch = i, .chunk = c});
      }
    }
    return steps;
  }
  const std::int32_t total = m * v;
  // Step k of either pass: groups of p micro-batches go through all chunks before the next group.
  const auto step = [&](std::int32_t k, Pass pass) {
    const std::int32_t chunk = (k % (p * v)) / p;
    return PipelineStep{.pass = pass,
                        .micro_batch = (k / (p * v)) * p + k % p,
                        .chunk = pass == Pass::forward ? chunk : v - 1 - chunk};
  };
  const std::int32_t warm_up = m == p ? total : std::min(2 * (p - 1 - device) + (v - 1) * p, total);
  std::vector<PipelineStep> steps;
  steps.reserve(2 * static_cast<std::size_t>(total));
  for (std::int32_t k = 0; k < warm_up; ++k) steps.push_back(step(k, Pass::forward));
  for (std::int32_t k = 0; k < total; ++k) {
    if (k + warm_up < total) steps.push_back(step(k + warm_up, Pass::forward));
    steps.push_back(step(k, Pass::backward));
  }
  return steps;
}

// With one stage there is no gap to fill, and backward passes stay whole.
std::vector<PipelineStep> zb_h1_order(const PipelineShape& shape, std::int32_t device) {
  if (shape.stages == 1) return one_f_one_b_order(shape, device);
  const std::int32_t m = shape.micro_batches;
  OrderWriter out(m);
  const std::int32_t warm_up = std::min(shape.stages - 1 - device, m);
  for (std::int32_t i = 0; i < warm_up; ++i) out.forward(0);
  // Weight gradients that may wait: as many as the device holds fewer activations than the first.
  const std::int32_t waiting = std::min(device, m);
  for (std::int32_t i = 0; i < m; ++i) {
    const bool draining = out.forwards(0) >= m;
    out.forward(0);
    out.backward_input(0);
    // In the drain the gap before each further input gradient takes one weight gradient.
    if (draining || out.inputs(0) - out.weights(0) > waiting) out.backward_weight(0);
  }
  while (out.weights(0) < m) out.backward_weight(0);
  return out.take();
}

std::vector<PipelineStep> zb_v_order(const PipelineShape& shape, std::int32_t device) {
  const std::int32_t p = shape.stages;
  OrderWriter out(shape.micro_batches);
  for (std::int32_t i = 0; p == 1 && i < shape.micro_batches; ++i) {
    for (const std::size_t chunk : {0U, 1U}) out.forward(chunk);
    for (const std::size_t chunk : {1U, 0U}) out.backward(chunk);
  }
  if (p == 1) return out.take();
  for (std::int32_t i = 0; i < 2 * (p - device) - 1; ++i) out.forward(0);
  for (std::int32_t i = 0; i < device; ++i) {
    out.forward(1);
    out.forward(0);
  }
  const auto whole_backward = [&out](std::size_t chunk) {
    out.backward_input(chunk);
    out.backward_weight(chunk);
  };
  for (std::int32_t i = 0; i < p - device; ++i) {
    out.forward(1);
    whole_backward(1);
  }
  while (out.forwards(1) < out.forwards(0) || out.forwards(0) < shape.micro_batches) {
    out.forward(0);
    whole_backward(0);
    out.forward(1);
    whole_backward(1);
  }
  // The drain: input gradients first, so that the devices before are not kept waiting.
  for (std::int32_t i = 0; i < device; ++i) {
    out.backward_input(0);
    out.backward_input(1);
  }
  for (std::int32_t i = 0; i < p - device; ++i) {
    out.backward_input(0);
    out.backward_weight(0);
  }
  while (out.inputs(1) < shape.micro_batches) out.backward_input(1);
  while (out.inputs(0) < shape.micro_batches) out.backward_input(0);
  while (out.weights(1) < shape.micro_batches) out.backward_weight(1);
  while (out.weights(0) < shape.micro_batches) out.backward_weight(0);
  return out.take();
}

namespace {

// What a device of DualPipe works with: `near` is the direction that enters at its own end of the
// pipeline, `depth` its distance from that end, `inner` the devices between it and the middle.
struct DualPipeSeat {
  std::size_t near, far;
  std::int32_t depth, inner;
};

DualPipeSeat dualpipe_seat(const PipelineShape& shape, std::int32_t device) {
  const bool upper = device >= shape.stages / 2;
  const std::int32_t depth = upper ? shape.stages - 1 - device : device;
  const std::size_t near = upper ? 1 : 0;
  return {near, 1 - near, depth, shape.stages / 2 - 1 - depth};
}

void dualpipe_fill(const DualPipeSeat& seat, OrderWriter& out) {
  for (std::int32_t i = 0; i < 2 * seat.inner; ++i) out.forward(seat.near);
  for (std::int32_t i = 0; i < seat.depth + 1; ++i) {
    out.forward(seat.near);
    out.forward(seat.far);
  }
  for (std::int32_t i = 0; i < seat.inner; ++i) {
    out.split_backward(seat.far);
    out.oldest_weight();
    out.forward(seat.far);
  }
}

void dualpipe_steady(const DualPipeSeat& seat, std::int32_t pairs, OrderWriter& out) {
  for (std::int32_t i = 0; i < pairs; ++i) {
    if (i == 0 && seat.inner == 0) {
      // The two middle devices would wait for each other: their first pair runs one by one.
      out.forward(seat.near);
      out.backward(seat.far);
    } else {
      out.overlapped(seat.near, seat.far);
    }
    out.overlapped(seat.far, seat.near);
  }
  for (std::int32_t i = 0; i < seat.inner; ++i) {
    out.backward(seat.far);
    out.overlapped(seat.far, seat.near);
  }
}

// The later half of the remaining backwards is split; their weight gradients fill the drain.
void dualpipe_drain(const DualPipeSeat& seat, OrderWriter& out) {
  const std::int32_t backwards = 2 * (seat.depth + 1);
  for (std::int32_t i = 0; i < backwards; ++i) {
    const std::size_t chunk = i % 2 == 0 ? seat.far : seat.near;
    if (i < backwards / 2) {
      out.backward(chunk);
    } else {
      out.split_backward(chunk);
    }
  }
  for (std::int32_t i = 0; i < seat.inner; ++i) {
    out.oldest_weight();
    out.split_backward(seat.near);
  }
  for (std::int32_t i = 0; i < seat.depth + 1; ++i) out.oldest_weight();
}

}  // namespace

std::vector<PipelineStep> dualpipe_order(const PipelineShape& shape, std::int32_t device) {
  const DualPipeSeat seat = dualpipe_seat(shape, device);
  OrderWriter out(shape.micro_batches / 2, shape.micro_batches);
  dualpipe_fill(seat, out);
  dualpipe_steady(seat, shape.micro_batches / 2 - shape.stages + seat.depth + 1, out);
  dualpipe_drain(seat, out);
  return out.take();
}

}  // namespace windtunnel::strategies
