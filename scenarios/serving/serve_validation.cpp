#include "scenarios/serving/serve_validation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "scenarios/serving/loadgen_batches.hpp"
#include "scenarios/serving/serve_scores.hpp"
#include "sim/base/statistics.hpp"
#include "strategies/serve/capacity.hpp"
#include "strategies/serve/run_serve.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Cell;

base::Table rows_table(const std::vector<ValidatedServe>& runs) {
  base::Table table{
      {"row", "model", "gpu", "gpus", "precision", "software", "run", "input", "output", "clients",
       "fact", "measured", "predicted", "error", "low", "high", "saturated", "rests_on"},
      {}};
  for (const ValidatedServe& run : runs) {
    for (const ComparedFact& fact : run.facts) {
      const auto count = [](const std::optional<std::int64_t>& value) {
        return value ? Cell(*value) : Cell();
      };
      table.rows.push_back(
          {run.row.id.empty() ? fmt::format("line {}", run.row.origin.line) : run.row.id,
           run.row.model, run.gpu, run.gpus, run.row.precision, run.software,
           std::string(to_text(run.row.run)), count(run.row.input), count(run.row.output),
           count(run.row.concurrency ? run.row.concurrency : run.row.batch), fact.fact,
           fact.measured, fact.predicted, fact.error(), fact.band.low, fact.band.high,
           std::int64_t{run.saturated ? 1 : 0}, fmt::format("{}", fmt::join(run.rests_on, " "))});
    }
  }
  return table;
}

base::Table groups_table(const std::vector<ValidatedServe>& runs) {
  std::map<std::vector<std::string>, ServeErrors> groups;
  for (const ValidatedServe& run : runs) {
    for (const ComparedFact& fact : run.facts)
      groups[{run.gpu, run.row.precision, run.software, run.row.model, fact.fact}].add(fact);
  }
  base::Table table{{"gpu", "precision", "software", "model", "fact", "rows", "median_abs_error",
                     "mean_abs_error", "bias", "inside_band"},
                    {}};
  for (const auto& [key, errors] : groups) {
    table.rows.push_back({key[0], key[1], key[2], key[3], key[4],
                          static_cast<std::int64_t>(errors.absolute.size()),
                          base::quantile(errors.absolute, 0.5), base::mean(errors.absolute),
                          base::mean(errors.signed_errors), errors.inside_share()});
  }
  return table;
}

base::Table inferred_table(const std::vector<ValidatedServe>& runs) {
  std::map<std::string, std::int64_t> counts;
  for (const ValidatedServe& run : runs) {
    for (const std::string& what : run.inferred) ++counts[what];
  }
  base::Table table{{"inferred", "rows"}, {}};
  for (const auto& [what, rows] : counts) table.rows.push_back({what, rows});
  return table;
}

// Kernel models by GPU and engine: a profile is bound once.
class Runner {
 public:
  explicit Runner(const ServeModels& models) : models_(models) {}

  // A reason where there is nothing to compare.
  std::string run(ServeRow row, MeasuredServe scenario, ValidatedServe& out) {
    const sim::Gpu& gpu = scenario.cluster->node.gpu;
    const std::string& engine = scenario.job.strategy.software;
    auto& kernels = kernels_[{gpu.name, engine}];
    if (kernels == nullptr) kernels = models_.kernels(gpu, engine);
    const strategies::ServeSubject subject{*scenario.model, *scenario.network};
    const strategies::ServeSite site{
        .cluster = scenario.cluster, .kernels = *kernels, .links = models_.links.get()};
    const base::Outcome predicted = outcome_of(row, scenario, subject, site);
    if (predicted.status != base::Status::ok) return predicted.reason;
    for (const MeasuredFact& fact : row.measured) {
      const auto value = predicted.facts.find(fact.fact);
      if (value == predicted.facts.end() || !(value->second > 0)) continue;
      const auto band = predicted.bands.find(fact.fact);
      out.facts.push_back({fact.fact, fact.value, value->second,
                           band == predicted.bands.end() ? base::Band{value->second, value->second}
                                                         : band->second});
    }
    if (out.facts.empty()) return "the prediction has none of the measured figures";
    const auto grounds = predicted.rests_on.find(out.facts.front().fact);
    if (grounds != predicted.rests_on.end()) out.rests_on = grounds->second;
    const auto saturated = predicted.facts.find("saturated");
    out.saturated = saturated != predicted.facts.end() && saturated->second > 0;
    const auto software = predicted.labels.find("software");
    out.software = software == predicted.labels.end() ? engine : software->second;
    out.gpu = gpu.name;
    out.gpus = static_cast<std::int64_t>(scenario.cluster->nodes) * scenario.cluster->node.gpus;
    out.inferred = std::move(scenario.inferred);
    out.row = std::move(row);
    return "";
  }

 private:
  base::Outcome outcome_of(const ServeRow& row, const MeasuredServe& scenario,
                           const strategies::ServeSubject& subject,
                           const strategies::ServeSite& site) {
    const strategies::ServeOptions options{.request_rows = false, .load_rows = 0};
    const auto run = [&](const strategies::ServeJob& job, const strategies::ServeOptions& how) {
      return strategies::run_serve(job, subject, site, how);
    };
    if (scenario.job.strategy.batching.policy == strategies::BatchingPolicy::dynamic) {
      // Systems of as many of the same boards do the same, whoever submitted them.
      const sim::Gpu& gpu = site.cluster->node.gpu;
      const auto [known, is_new] =
          batches_.try_emplace(fmt::format("{} {} {} {} {}", row.model, gpu.name, gpu.power.value(),
                                           to_text(row.run), scenario.job.strategy.replicas));
      if (is_new) known->second = loadgen_outcome(row, scenario.job, run);
      return known->second;
    }
    if (row.run == ServeRun::loadgen_server) return strategies::highest_rate(scenario.job, run, {});
    return run(scenario.job, options);
  }

  const ServeModels& models_;
  std::map<std::string, base::Outcome> batches_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const models::KernelTimeModel>>
      kernels_;
};

}  // namespace

base::Outcome ServeValidation::outcome() const {
  base::Outcome out;
  add_serve_scores(runs, out);
  out.facts["skipped"] = static_cast<double>(skipped.size());
  out.tables["rows"] = rows_table(runs);
  out.tables["groups"] = groups_table(runs);
  out.tables["inferred"] = inferred_table(runs);
  base::Table left_out{{"line", "reason"}, {}};
  for (const calibration::SkippedRow& one : skipped)
    left_out.rows.push_back({fmt::format("{}:{}", one.origin.file, one.origin.line), one.reason});
  out.tables["skipped"] = std::move(left_out);
  return out;
}

ServeValidation validate_serving(const std::vector<calibration::GenericRow>& rows,
                                 const ServeModels& models) {
  ServeReading reading = read_serve(rows);
  ServeValidation out;
  out.skipped = std::move(reading.skipped);
  Runner runner(models);
  for (ServeRow& row : reading.rows) {
    const calibration::RowOrigin origin = row.origin;
    ServeTurning turned = scenario_of(row);
    std::string reason = turned.reason;
    if (turned.scenario) {
      ValidatedServe run;
      reason = runner.run(std::move(row), *std::move(turned.scenario), run);
      if (reason.empty()) {
        out.runs.push_back(std::move(run));
        continue;
      }
    }
    out.skipped.push_back({origin, reason});
  }
  return out;
}

}  // namespace windtunnel::scenarios
