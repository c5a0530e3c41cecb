#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "models/kernels/number_format.hpp"
#include "strategies/serve/capacity.hpp"

namespace windtunnel::strategies {
namespace {

double fact(const base::Outcome& out, const std::string& name) {
  const auto found = out.facts.find(name);
  return found == out.facts.end() ? 0.0 : found->second;
}

template <typename Value>
std::vector<Value> choices(const std::vector<Value>& given, Value own) {
  return given.empty() ? std::vector<Value>{own} : given;
}

std::int64_t gpus_of(const ServeStrategy& strategy) {
  return strategy.tensor * strategy.pipeline * strategy.data;
}

// Strategies of one replica that the GPUs hold.
std::vector<ServeStrategy> layouts(const ServeJob& job, const LayoutSpace& space) {
  std::vector<ServeStrategy> out;
  ServeStrategy one = job.strategy;
  one.replicas = 1;
  for (const std::int64_t tensor : choices(space.tensor, one.tensor)) {
    for (const std::int64_t pipeline : choices(space.pipeline, one.pipeline)) {
      for (const std::int64_t batch : choices(space.max_batch, one.batching.max_batch)) {
        for (const models::NumberFormat format : choices(space.precision, one.precision)) {
          ServeStrategy strategy = one;
          strategy.tensor = tensor;
          strategy.pipeline = pipeline;
          strategy.batching.max_batch = batch;
          strategy.precision = format;
          if (gpus_of(strategy) <= space.gpus) out.push_back(std::move(strategy));
        }
      }
    }
  }
  return out;
}

std::vector<base::Cell> layout_cells(const ServeStrategy& strategy) {
  return {strategy.tensor, strategy.pipeline, strategy.batching.max_batch,
          std::string(models::to_text(strategy.precision))};
}

class CheapestSearch {
 public:
  CheapestSearch(const ServeJob& job, const LayoutSpace& space, const RunOfJob& run,
                 const CapacityOptions& options)
      : job_(job), space_(space), run_(run), options_(options) {
    options_.serve.bands = false;
    found_.layouts.columns = {"tensor", "pipeline",       "max_batch",      "precision", "replicas",
                              "gpus",   "max_rate_per_s", "slo_attainment", "verdict",   "reason"};
  }

  LayoutSearch search() {
    for (const ServeStrategy& strategy : layouts(job_, space_)) consider(strategy);
    if (least_ == std::numeric_limits<double>::infinity()) {
      found_.best.status = base::Status::infeasible;
      found_.best.reason = fmt::format(
          "no layout on {} GPUs carries {:g} requests/s within the limits; the table says why each "
          "does not",
          space_.gpus, job_.workload.arrivals.rate);
    }
    return std::move(found_);
  }

 private:
  void consider(const ServeStrategy& strategy) {
    ServeJob alone = job_;
    alone.strategy = strategy;
    const base::Outcome one = highest_rate(alone, run_, options_);
    ++found_.evaluated;
    if (one.status != base::Status::ok) {
      ++found_.infeasible;
      return add_row(strategy, one, 0, "infeasible");
    }
    const double most = fact(one, "max_rate_per_s");
    const double rate = job_.workload.arrivals.rate;
    auto replicas = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(rate / most)));
    const std::int64_t last = space_.gpus / gpus_of(strategy);
    for (; replicas <= last; ++replicas) {
      const double gpus = static_cast<double>(replicas * gpus_of(strategy));
      if (gpus >= least_) return add_row(strategy, one, replicas, "dearer");
      if (carries(strategy, replicas, most)) return add_row(strategy, one, replicas, "carries");
    }
    add_row(strategy, one, replicas, "too many GPUs");
  }

  // All of it together: replicas that share one stream do a little better than each alone.
  bool carries(ServeStrategy strategy, std::int64_t replicas, double most) {
    ServeJob job = job_;
    strategy.replicas = replicas;
    job.strategy = strategy;
    if (job.workload.arrivals.rate > 1.2 * most * static_cast<double>(replicas)) return false;
    base::Outcome out = run_(job, options_.serve);
    ++found_.evaluated;
    const bool good = out.status == base::Status::ok && fact(out, "saturated") <= 0 &&
                      fact(out, "in_flight") <= 0 && fact(out, "slo_attainment") >= options_.share;
    if (!good) return false;
    least_ = static_cast<double>(replicas * gpus_of(strategy));
    found_.best = std::move(out);
    found_.strategy = std::move(strategy);
    return true;
  }

  void add_row(const ServeStrategy& strategy, const base::Outcome& one, std::int64_t replicas,
               const char* verdict) {
    std::vector<base::Cell> row = layout_cells(strategy);
    const bool fits = one.status == base::Status::ok;
    row.resize(row.size() + 2);
    if (fits) row[4] = replicas;
    if (fits) row[5] = replicas * gpus_of(strategy);
    row.emplace_back(fact(one, "max_rate_per_s"));
    row.emplace_back(fact(one, "slo_attainment"));
    row.emplace_back(std::string(verdict));
    row.emplace_back(one.reason);
    found_.layouts.rows.push_back(std::move(row));
  }

  const ServeJob& job_;
  const LayoutSpace& space_;
  const RunOfJob& run_;
  CapacityOptions options_;
  LayoutSearch found_;
  double least_ = std::numeric_limits<double>::infinity();  // GPUs
};

}  // namespace

LayoutSearch cheapest_layout(const ServeJob& job, const LayoutSpace& space, const RunOfJob& run,
                             const CapacityOptions& options) {
  return CheapestSearch(job, space, run, options).search();
}

std::int64_t fastest_batch(const ServeJob& job, std::int64_t most, const RunOfJob& run) {
  ServeJob tried = job;
  tried.workload.mode = ServeMode::offline;
  std::vector<std::pair<std::int64_t, double>> rates;
  double best = 0;
  for (std::int64_t batch = 1; batch <= most; batch *= 2) {
    tried.strategy.batching.max_batch = batch;
    const base::Outcome out = run(tried, {.request_rows = false, .load_rows = 0, .bands = false});
    if (out.status != base::Status::ok) continue;
    rates.emplace_back(batch, fact(out, "request_throughput_per_s"));
    best = std::max(best, rates.back().second);
  }
  for (const auto& [batch, rate] : rates) {
    if (rate >= 0.99 * best) return batch;
  }
  return job.strategy.batching.max_batch;
}

std::vector<ParetoPoint> pareto_layouts(const ServeJob& job, const LayoutSpace& space,
                                        std::int64_t most_clients, const RunOfJob& run) {
  std::vector<ParetoPoint> points;
  for (const ServeStrategy& strategy : layouts(job, space)) {
    for (std::int64_t clients = 1; clients <= most_clients; clients *= 2) {
      ServeJob loaded = job;
      loaded.strategy = strategy;
      loaded.workload.trace.reset();
      // Eight answers a client, so that the ends of the run count little.
      loaded.workload.arrivals = {
          .process = ArrivalProcess::closed_loop, .requests = 8 * clients, .concurrency = clients};
      const base::Outcome out =
          run(loaded, {.request_rows = false, .load_rows = 0, .bands = false});
      if (out.status != base::Status::ok) break;
      const double gap = fact(out, "tpot_mean_s");
      points.push_back({.strategy = strategy,
                        .clients = clients,
                        .tokens_per_gpu = fact(out, "output_tokens_per_s_per_gpu"),
                        .tokens_per_user = gap > 0 ? 1 / gap : 0.0});
    }
  }
  mark_front(points);
  return points;
}

void mark_front(std::vector<ParetoPoint>& points) {
  for (ParetoPoint& point : points) {
    point.on_front = std::none_of(points.begin(), points.end(), [&](const ParetoPoint& other) {
      return other.tokens_per_gpu >= point.tokens_per_gpu &&
             other.tokens_per_user >= point.tokens_per_user &&
             (other.tokens_per_gpu > point.tokens_per_gpu ||
              other.tokens_per_user > point.tokens_per_user);
    });
  }
}

}  // namespace windtunnel::strategies
