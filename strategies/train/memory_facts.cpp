#include "strategies/train/memory_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "sim/base/unit_text.hpp"
#include "strategies/train/host_memory.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using models::Recompute;

struct Change {
  std::string text;
  TrainPlan plan;
};

// What could be changed, cheapest first, each alone.
std::vector<Change> changes_of(const TrainPlan& plan) {
  std::vector<Change> out;
  const TrainStrategy& now = plan.job.strategy;
  const auto add = [&](std::string text) -> TrainPlan& {
    out.push_back({std::move(text), plan});
    return out.back().plan;
  };
  if (now.recompute == Recompute::none) {
    add("recompute: selective").job.strategy.recompute = Recompute::selective;
  }
  if (now.recompute != Recompute::full || now.recompute_layers != 0) {
    TrainStrategy& s = add("recompute: full").job.strategy;
    s.recompute = Recompute::full;
    s.recompute_layers = 0;
  }
  for (std::int64_t size = now.micro_batch / 2; size >= 1; size /= 2) {
    TrainPlan& other = add(fmt::format("micro_batch: {}", size));
    other.job.strategy.micro_batch = size;
    other.micro_batch.sequences = size;
  }
  const bool shared = now.sizes.data * now.sizes.context > 1;
  if (shared && now.zero == ZeroLevel::none) {
    add("zero: 1").job.strategy.zero = ZeroLevel::optimizer;
  }
  if (shared && now.zero != ZeroLevel::weights) {
    add("zero: 3").job.strategy.zero = ZeroLevel::weights;
  }
  if (now.offload_optimizer == OffloadTarget::none) {
    add("offload of the optimizer to the host").job.strategy.offload_optimizer =
        OffloadTarget::host;
  }
  return out;
}

// The most that changing all of it gives.
TrainPlan least(const TrainPlan& plan) {
  TrainPlan out = plan;
  TrainStrategy& s = out.job.strategy;
  s.recompute = Recompute::full;
  s.recompute_layers = 0;
  s.micro_batch = 1;
  out.micro_batch.sequences = 1;
  if (s.sizes.data * s.sizes.context > 1) s.zero = ZeroLevel::weights;
  s.offload_optimizer = OffloadTarget::host;
  return out;
}

std::string remedy(const TrainPlan& plan, const models::Network& network, Bytes usable) {
  for (const Change& change : changes_of(plan)) {
    const std::vector<StageMemory> stages = stage_memory(change.plan, network);
    const Bytes needed = fullest(stages).total();
    const auto host = node_host_memory(change.plan, stages);
    if (needed <= usable && (!host || host->fits())) {
      return fmt::format("{} would need {} and fit", change.text, base::to_text(needed));
    }
  }
  const Bytes needed = fullest(stage_memory(least(plan), network)).total();
  return fmt::format(
      "{} with full recomputation, micro_batch 1, zero 3 and the optimizer on the host: {}",
      needed <= usable ? fmt::format("it would need {} and fit", base::to_text(needed))
                       : fmt::format("it would still need {}", base::to_text(needed)),
      needed <= usable ? "no one of them is enough"
                       : "more tensor, context or pipeline ranks would have to share it");
}

std::string out_of_memory(const StageMemory& stage, std::ptrdiff_t index, Bytes usable) {
  return fmt::format(
      "stage {} needs {} of {} usable ({} weights, {} gradients, {} optimizer, {} activations, {} "
      "workspace)",
      index, base::to_text(stage.total()), base::to_text(usable), base::to_text(stage.weights),
      base::to_text(stage.gradients), base::to_text(stage.optimizer),
      base::to_text(stage.activations), base::to_text(stage.workspace));
}

// Of the parts, independent of one another. Weights, gradients and optimizer states are counted.
constexpr double kScratch = 0.3, kOutside = 0.4, kHeld = 0.5;

double spread(const StageMemory& stage, double outside, double held) {
  const double lost = (stage.workspace - stage.scratch - stage.outside).value();
  return std::hypot(
      kActivationsSpread * stage.activations.value(), kScratch * stage.scratch.value(),
      std::hypot(outside * (stage.outside.value() + lost), held * stage.held.value()));
}

double counted(const StageMemory& stage) {
  return (stage.weights + stage.gradients + stage.optimizer).value();
}

// A total of the stage that has most of it, with its band.
class Totals {
 public:
  Totals(const std::vector<StageMemory>& stages, Bytes capacity, base::Outcome& out)
      : stages_(stages), capacity_(capacity), out_(out) {}

  template <class Of>
  void add(const char* name, double outside, Of of) {
    const StageMemory& stage = most(of);
    const double value = of(stage).value();
    const double half = spread(stage, outside, 0.0);
    out_.facts[name] = value;
    out_.bands[name] = {std::max(value - half, counted(stage)), value + half, 0.9};
  }

  // A total that the device bounds: the band of what is wanted, where it is beyond the capacity cut
  // off as the value is. The device reports no less than what its states take and its allocator has
  // handed out.
  template <class Of>
  void add_bounded(const char* name, double outside, Of of) {
    const StageMemory& stage = most(of);
    const double value = of(stage).value();
    const double half = spread(stage, outside, kHeld);
    const double wanted = stage.wanted().value();
    const double beside = base::min(stage.wanted(), capacity_).value() - value;
    const double least = std::max(counted(stage), stage.allocated().value() - spread(stage, 0, 0));
    const double low = std::min(wanted - half, capacity_.value()) - beside;
    const double high = std::min(wanted + half - beside, capacity_.value());
    out_.facts[name] = value;
    out_.bands[name] = {std::min(value, std::max(low, least)), std::max(value, high), 0.9};
  }

 private:
  template <class Of>
  const StageMemory& most(Of of) const {
    return *std::max_element(stages_.begin(), stages_.end(),
                             [&](const auto& a, const auto& b) { return of(a) < of(b); });
  }

  const std::vector<StageMemory>& stages_;
  Bytes capacity_;
  base::Outcome& out_;
};

// Of what is offloaded.
void add_host_facts(const TrainPlan& plan, const std::vector<StageMemory>& stages,
                    base::Outcome& out) {
  const auto host = node_host_memory(plan, stages);
  if (!host) return;
  out.facts["host_memory_bytes"] = host->taken.total().value();
  out.facts["host_memory_capacity_bytes"] = host->capacity.value();
  if (host->fits()) return;
  out.facts["fits"] = 0.0;
  out.status = base::Status::infeasible;
  out.reason = host_sentence(*host);
}

// The first change that alone leaves the allocator all it wants.
std::string relief(const TrainPlan& plan, const models::Network& network, Bytes usable) {
  for (const Change& change : changes_of(plan)) {
    const Bytes wanted = wanting_most(stage_memory(change.plan, network)).wanted();
    if (wanted <= usable) {
      return fmt::format("; {} would want {}", change.text, base::to_text(wanted));
    }
  }
  return "";
}

std::string limit_warning(const StageMemory& stage, std::ptrdiff_t index, Bytes usable) {
  return fmt::format(
      "stage {} fits at the limit: it needs {} of {} usable, and the allocator would keep {} of "
      "freed blocks beside it, {} more than there is room for; it has to give blocks back and ask "
      "again, which stops the device in every step where it happens, and fragments can end the run",
      index, base::to_text(stage.total()), base::to_text(usable), base::to_text(stage.held),
      base::to_text(stage.wanted() - usable));
}

}  // namespace

const StageMemory& fullest(const std::vector<StageMemory>& stages) {
  return *std::max_element(
      stages.begin(), stages.end(),
      [](const StageMemory& a, const StageMemory& b) { return a.total() < b.total(); });
}

const StageMemory& wanting_most(const std::vector<StageMemory>& stages) {
  return *std::max_element(
      stages.begin(), stages.end(),
      [](const StageMemory& a, const StageMemory& b) { return a.wanted() < b.wanted(); });
}

bool fits(const std::vector<StageMemory>& stages, const sim::Gpu& gpu) {
  return fullest(stages).total() <= usable_memory(gpu);
}

bool at_limit(const std::vector<StageMemory>& stages, const sim::Gpu& gpu) {
  return fits(stages, gpu) && wanting_most(stages).wanted() > usable_memory(gpu);
}

void add_memory_facts(const TrainPlan& plan, const models::Network& network,
                      const std::vector<StageMemory>& stages, const sim::Gpu& gpu,
                      base::Outcome& out) {
  const StageMemory& worst = fullest(stages);
  const auto fact = [&](const char* name, double value) { out.facts[name] = value; };
  fact("memory_weights_bytes", worst.weights.value());
  fact("memory_gradients_bytes", worst.gradients.value());
  fact("memory_optimizer_bytes", worst.optimizer.value());
  fact("memory_activations_bytes", worst.activations.value());
  fact("memory_workspace_bytes", worst.workspace.value());
  Totals totals(stages, gpu.memory, out);
  totals.add("memory_total_bytes", kOutside, [](const StageMemory& s) { return s.total(); });
  totals.add("memory_allocated_bytes", 0.0, [](const StageMemory& s) { return s.allocated(); });
  totals.add_bounded("memory_reserved_bytes", 0.0,
                     [&](const StageMemory& s) { return s.reserved(gpu.memory); });
  totals.add_bounded("memory_used_bytes", kOutside,
                     [&](const StageMemory& s) { return s.used(gpu.memory); });
  fact("memory_capacity_bytes", gpu.memory.value());
  const Bytes usable = usable_memory(gpu);
  const StageMemory& most = wanting_most(stages);
  const double half = spread(most, kOutside, kHeld);
  const double headroom = (usable - most.wanted()).value();
  fact("memory_headroom_bytes", headroom);
  out.bands["memory_headroom_bytes"] = {headroom - half, headroom + half, 0.9};
  fact("memory_at_limit", at_limit(stages, gpu) ? 1.0 : 0.0);
  fact("fits", fits(stages, gpu) ? 1.0 : 0.0);
  if (at_limit(stages, gpu)) {
    out.warnings.push_back(limit_warning(most, &most - stages.data(), usable) +
                           relief(plan, network, usable));
  }
  add_host_facts(plan, stages, out);
  if (fits(stages, gpu)) return;
  out.status = base::Status::infeasible;
  out.reason = fmt::format("{}; {}", out_of_memory(worst, &worst - stages.data(), usable),
                           remedy(plan, network, usable));
}

}  // namespace windtunnel::strategies
