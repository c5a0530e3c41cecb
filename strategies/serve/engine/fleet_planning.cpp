#include "strategies/serve/engine/fleet_planning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace windtunnel::strategies {
namespace {

bool makes_tokens(const models::Model& model) {
  const auto* t = std::get_if<models::Transformer>(&model.architecture);
  return t != nullptr && t->role == models::TransformerRole::decoder;
}

class FleetPlanner {
 public:
  FleetPlanner(const ServeJob& job, const ServeSubject& subject, const ServeSite& site)
      : job_(job), subject_(subject), site_(site) {}

  FleetPlanning run() {
    if (engines()) figures();
    return std::move(out_);
  }

 private:
  bool infeasible(std::string why) {
    out_.infeasible = std::move(why);
    return false;
  }

  bool engines() {
    const ServeStrategy& s = job_.strategy;
    const bool continuous = s.batching.policy == BatchingPolicy::continuous;
    if (!continuous && !s.pools.empty()) return infeasible("pools need batching.policy continuous");
    if (s.autoscale.on() && !s.pools.empty())
      return infeasible("autoscale and pools do not go together: replicas are of one kind");
    if (!makes_tokens(subject_.model)) {
      if (!continuous) return batches();
      return infeasible(
          "batching.policy is continuous, and the model makes no tokens one by one: take none, "
          "static or dynamic");
    }
    if (s.disaggregate.on()) {
      if (!continuous) return infeasible("disaggregate needs batching.policy continuous");
      return add(make_engine_plan(job_, subject_, site_, EngineRole::prefill),
                 s.disaggregate.prefill) &&
             add(make_engine_plan(job_, subject_, site_, EngineRole::decode),
                 s.disaggregate.decode) &&
             enough_gpus();
    }
    const std::int64_t replicas = s.autoscale.on() ? s.autoscale.max : s.replicas;
    if (!add(make_engine_plan(job_, subject_, site_, EngineRole::both), replicas)) return false;
    for (const Pool& pool : s.pools) {
      if (!add(make_pool_plan(job_, subject_, site_, pool), pool.replicas)) return false;
    }
    return enough_gpus();
  }

  bool add(EnginePlanning planning, std::int64_t count) {
    for (std::string& warning : planning.warnings) out_.warnings.push_back(std::move(warning));
    if (!planning.infeasible.empty()) return infeasible(std::move(planning.infeasible));
    for (std::int64_t i = 0; i < count; ++i) {
      out_.fleet.plans.push_back(*planning.plan);
      out_.fleet.link_rates.push_back(link_rate(*planning.plan));
    }
    return true;
  }

  // Bytes a second that leave an engine.
  double link_rate(const EnginePlan& plan) const {
    const sim::Cluster& cluster = *site_.cluster;
    const double gpus = static_cast<double>(plan.gpus);
    const bool one_domain = cluster.node.scale_up.size >= cluster.nodes * cluster.node.gpus;
    if (cluster.nodes == 1 || one_domain || cluster.node.nics.count == 0)
      return gpus * std::max(1.0, cluster.node.scale_up.bandwidth.value());
    const double nics =
        static_cast<double>(cluster.node.nics.count) / static_cast<double>(cluster.node.gpus);
    return gpus * nics * cluster.node.nics.bandwidth.value();
  }

  bool batches() {
    BatchPlanning planning = make_batch_plan(job_, subject_, site_);
    for (std::string& warning : planning.warnings) out_.warnings.push_back(std::move(warning));
    if (!planning.infeasible.empty()) return infeasible(std::move(planning.infeasible));
    out_.batches = std::move(planning.plan);
    const Autoscale& scale = job_.strategy.autoscale;
    EnginePlan place;
    place.gpus = out_.batches->gpus;
    place.gpu = out_.batches->gpu;
    out_.fleet.plans.assign(
        static_cast<std::size_t>(scale.on() ? scale.max : job_.strategy.replicas), place);
    out_.fleet.link_rates.assign(out_.fleet.plans.size(), 0.0);
    return enough_gpus();
  }

  bool enough_gpus() {
    std::map<std::string, std::int64_t> there, taken;
    for (int i = 0; i < site_.cluster->nodes; ++i) {
      const sim::Node node = site_.cluster.node_at(i);
      there[node.gpu.name] += node.gpus;
    }
    for (const EnginePlan& plan : out_.fleet.plans) taken[plan.gpu] += plan.gpus;
    for (const auto& [gpu, count] : taken) {
      if (count <= there[gpu]) continue;
      return infeasible(there.size() > 1
                            ? fmt::format("the replicas need {} GPUs of {}, and the cluster has {}",
                                          count, gpu, there[gpu])
                            : fmt::format("the replicas need {} GPUs, and the cluster has {}",
                                          count, there[gpu]));
    }
    out_.fleet.link_latency = site_.cluster->node.nics.latency.value();
    return true;
  }

  double power_of(const std::string& gpu) const {
    for (int i = 0; i < site_.cluster->nodes; ++i) {
      const sim::Node node = site_.cluster.node_at(i);
      if (node.gpu.name == gpu) return node.gpu.power.value();
    }
    return site_.cluster->node.gpu.power.value();
  }

  void figures() {
    const sim::Cluster& cluster = *site_.cluster;
    out_.figures.gpu_hour = cluster.cost.gpu_hour.value();
    out_.figures.power_price = cluster.cost.power_price.value();
    out_.figures.pue = cluster.cost.pue;
    std::map<std::string, double> powers;
    for (const EnginePlan& plan : out_.fleet.plans) {
      if (!powers.contains(plan.gpu)) powers[plan.gpu] = power_of(plan.gpu);
      const double gpus = static_cast<double>(plan.gpus);
      out_.figures.replicas.push_back({.gpus = gpus, .power = gpus * powers[plan.gpu]});
      out_.figures.gpus += gpus;
    }
  }

  const ServeJob& job_;
  const ServeSubject& subject_;
  const ServeSite& site_;
  FleetPlanning out_;
};

}  // namespace

FleetPlanning plan_fleet(const ServeJob& job, const ServeSubject& subject, const ServeSite& site) {
  return FleetPlanner(job, subject, site).run();
}

}  // namespace windtunnel::strategies
