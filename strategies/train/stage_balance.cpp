#include "strategies/train/stage_balance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

double seconds(const PassParts& passes, double slowdown) {
  const base::Seconds longer = passes.computing.forward + passes.computing.backward();
  return (passes.all.forward + passes.all.backward() + longer * (slowdown - 1.0)).value();
}

// What a stage's slowest rank makes of the costs of each class.
double slowest(const RankPaces& ranks, std::int64_t stage,
               const std::vector<const PassParts*>& by_class) {
  double most = 0.0;
  for (std::int64_t lane = 0; lane < ranks.lanes(); ++lane) {
    for (const Pace& pace : ranks.gang(lane, stage)) {
      most = std::max(most, seconds(*by_class[static_cast<std::size_t>(pace.gpus)], pace.slowdown));
    }
  }
  return most;
}

}  // namespace

std::vector<std::int64_t> balanced_layers(const StageSpeeds& speeds) {
  const std::size_t stages = speeds.layers.size(), layers = speeds.layers.front().size();
  base::expects(stages >= 1 && layers >= stages, "every stage gets a layer");
  // best[l]: longest of the stages so far, which hold the first l layers.
  std::vector<double> best(layers + 1, kNever);
  best[0] = 0.0;
  std::vector<std::vector<std::size_t>> from(stages, std::vector<std::size_t>(layers + 1, 0));
  for (std::size_t s = 0; s < stages; ++s) {
    const double ends =
        (s == 0 ? speeds.embedding[s] : 0.0) + (s + 1 == stages ? speeds.head[s] : 0.0);
    std::vector<double> next(layers + 1, kNever);
    for (std::size_t to = s + 1; to <= layers; ++to) {
      double own = ends;
      for (std::size_t begin = to; begin-- > s;) {
        own += speeds.layers[s][begin];
        const double longest = std::max(own, best[begin]);
        if (longest < next[to]) {
          next[to] = longest;
          from[s][to] = begin;
        }
      }
    }
    best = std::move(next);
  }
  std::vector<std::int64_t> out(stages);
  std::size_t end = layers;
  for (std::size_t s = stages; s-- > 0;) {
    out[s] = static_cast<std::int64_t>(end - from[s][end]);
    end = from[s][end];
  }
  return out;
}

std::optional<std::string> balance_infeasible(const TrainPlan& plan) {
  const TrainStrategy& s = plan.job.strategy;
  if (!s.stage_layers.empty()) {
    return "stage_layers states the layers of every stage: balance has nothing to decide";
  }
  const bool plain = plan.pipeline.positions == plan.pipeline.shape.stages &&
                     plan.pipeline.shape.schedule != PipelineSchedule::dualpipe;
  if (plain) return std::nullopt;
  return fmt::format(
      "balance speed is for schedules with one chunk a stage (gpipe, 1f1b, zb_h1), and {} has {}",
      to_text(plan.pipeline.shape.schedule), plan.pipeline.chunks);
}

std::vector<std::int64_t> balance_stages(const TrainPlan& plan, const models::Network& network,
                                         const TrainSite& site, std::uint64_t seed) {
  const RankPaces ranks(plan, site.cluster, seed);
  const auto layers = static_cast<std::int64_t>(network.order.size()) - 2;
  std::vector<ChunkOfModel> parts{{.embedding = true}};
  for (std::int64_t i = 0; i < layers; ++i) parts.push_back({.first_layer = i, .layers = 1});
  parts.push_back({.first_layer = layers, .head = true});
  const std::vector<std::vector<PassParts>> costs =
      passes_of_parts(plan, network, site, ranks, parts);
  const auto time_of = [&](std::int64_t stage, std::size_t part) {
    std::vector<const PassParts*> by_class;
    for (const auto& on : costs) by_class.push_back(&on[part]);
    return slowest(ranks, stage, by_class);
  };
  StageSpeeds speeds;
  for (std::int64_t stage = 0; stage < plan.pipeline.shape.stages; ++stage) {
    speeds.embedding.push_back(time_of(stage, 0));
    speeds.head.push_back(time_of(stage, parts.size() - 1));
    std::vector<double>& own = speeds.layers.emplace_back();
    for (std::size_t i = 1; i + 1 < parts.size(); ++i) own.push_back(time_of(stage, i));
  }
  return balanced_layers(speeds);
}

}  // namespace windtunnel::strategies
