#include "scenarios/study_case.hpp"

#include <charconv>
#include <chrono>
#include <map>

#include "scenarios/train_bands.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::scenarios {

namespace {

using base::Cell;

// A swept value as a program wants it: 16 and 2.5 are numbers, everything else is text.
Cell cell_of(const std::string& text) {
  const char* end = text.data() + text.size();
  std::int64_t count = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, count);
      error == std::errc() && stop == end) {
    return count;
  }
  double number = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, number);
      error == std::errc() && stop == end) {
    return number;
  }
  return text;
}

// What every case says of itself, whatever was swept.
bool said_by_case(const std::string& path) {
  return path == "workload.op" || path == "workload.algorithms" || path == "workload.algorithm" ||
         path == "workload.sizes" || path == "workload.size";
}

strategies::CollectiveOptions options_of(const StudyCase& one) {
  strategies::CollectiveOptions options;
  options.engine_reason = one.engine.reason;
  options.heed_busiest_link = one.engine.heed_busiest_link;
  if (one.detail == Detail::facts) {
    options.timeline_rows = 0;
    options.link_rows = 0;
  }
  return options;
}

base::Outcome run_train_case(const TrainCase& spec, const StudyCase& one) {
  const TrainScenario& train = *spec.scenario;
  strategies::TrainOptions options;
  options.draw.seed = spec.of->engine.seed;
  if (one.detail == Detail::facts) options.timeline_rows = 0;
  if (one.takes_engine) {
    options.every_rank.emplace(one.site->network, engine_factory(one.engine.kind));
  }
  const strategies::TrainSite site{.cluster = one.site->cluster,
                                   .kernels = *one.site->kernels,
                                   .links = one.site->model.get(),
                                   .kernels_of = other_training_kernels(spec.of->calibration)};
  base::Outcome out =
      strategies::run_train(train.job, {*train.model, *train.network}, site, options);
  add_bands_of_time(out);
  return out;
}

base::Outcome run_serve_case(const ServeCase& spec, const StudyCase& one) {
  strategies::ServeOptions options{.seed = spec.scenario->engine.seed};
  if (one.detail == Detail::facts) {
    options.request_rows = false;
    options.load_rows = 0;
  }
  return run_serve_case(spec, *one.site, options, one.engine.kind);
}

base::Outcome run_mix_case(const MixCase& spec, const StudyCase& one) {
  strategies::MixOptions options{.seed = spec.scenario->engine.seed};
  if (one.detail == Detail::facts) {
    options.request_rows = false;
    options.load_rows = options.timeline_rows = 0;
  }
  return run_mix_case(spec, *one.site, one.engine.kind, options);
}

strategies::CollectiveSite site_of(const StudyCase& one) {
  return {.cluster = one.site->cluster,
          .network = one.site->network,
          .make_engine = engine_factory(one.engine.kind),
          .model = one.site->model.get(),
          .groups = one.site->groups.get(),
          .derated = one.site->derated.get()};
}

}  // namespace

std::set<std::string> varied_paths(const LoadedScenario& scenario) {
  std::map<std::string, std::set<std::string>> values;
  for (const SweepPoint& point : scenario.points) {
    for (const auto& [path, value] : point.parameters) values[path].insert(value);
  }
  std::set<std::string> varied;
  for (const auto& [path, seen] : values) {
    if (seen.size() > 1) varied.insert(path);
  }
  return varied;
}

std::vector<CaseSpec> expand_point(const SweepPoint& point, int gpus) {
  if (const auto* train = std::get_if<TrainScenario>(&point.scenario.workload)) {
    return {TrainCase{train, &point.scenario}};
  }
  if (std::holds_alternative<ServeScenario>(point.scenario.workload)) {
    return {ServeCase{&point.scenario}};
  }
  if (std::holds_alternative<MixScenario>(point.scenario.workload)) {
    return {MixCase{&point.scenario}};
  }
  std::vector<CaseSpec> specs;
  const auto& work = std::get<strategies::CollectiveWorkload>(point.scenario.workload);
  for (strategies::CollectiveCase& one : strategies::expand(work, gpus)) {
    specs.emplace_back(std::move(one));
  }
  return specs;
}

std::int64_t case_count(const SweepPoint& point) {
  const auto* work = std::get_if<strategies::CollectiveWorkload>(&point.scenario.workload);
  return work == nullptr ? 1 : strategies::case_count(*work);
}

reports::ResultCase describe(const SweepPoint& point, const CaseSpec& spec,
                             const std::set<std::string>& varied) {
  reports::ResultCase result;
  const auto* collective = std::get_if<strategies::CollectiveCase>(&spec);
  result.name = collective != nullptr ? strategies::name_of(*collective) : point.scenario.name;
  for (const auto& [path, value] : point.parameters) {
    if (collective != nullptr && said_by_case(path)) continue;
    result.parameters.emplace_back(path, cell_of(value));
    if (varied.contains(path)) result.name += " " + path + "=" + value;
  }
  if (collective == nullptr) return result;
  result.parameters.emplace_back("workload.op", std::string(collectives::to_text(collective->op)));
  result.parameters.emplace_back("workload.algorithm",
                                 std::string(collectives::to_text(collective->algorithm)));
  result.parameters.emplace_back("workload.size",
                                 static_cast<std::int64_t>(collective->bytes.value()));
  return result;
}

strategies::EngineFactory engine_factory(sim::EngineKind kind) {
  return [kind](const sim::Network& network, const sim::EngineOptions& options) {
    return kind == sim::EngineKind::simgrid ? sim::make_simgrid_engine(network, options)
                                            : sim::make_analytic_engine(network, options);
  };
}

void choose_engine(StudyCase& one) {
  const auto* spec = std::get_if<strategies::CollectiveCase>(&one.spec);
  if (const auto* train = std::get_if<TrainCase>(&one.spec)) {
    const bool simgrid = one.asked == sim::EngineKind::simgrid;
    one.takes_engine = simgrid || train->scenario->ranks == RankChoice::every;
    one.engine.kind = simgrid ? sim::EngineKind::simgrid : sim::EngineKind::analytic;
    return;
  }
  if (spec == nullptr) {
    one.takes_engine = true;  // a simulation of its own, worth a worker
    one.engine.kind = one.asked == sim::EngineKind::simgrid ? sim::EngineKind::simgrid
                                                            : sim::EngineKind::analytic;
    return;
  }
  const strategies::CollectiveSite site = site_of(one);
  const strategies::CollectiveOptions options = options_of(one);
  one.takes_engine = strategies::needs_engine(*spec, site, options);
  if (one.takes_engine) one.engine = pick_engine(one.asked, *spec, site, options);
}

namespace {

base::Outcome outcome_of(const StudyCase& one) {
  if (const auto* train = std::get_if<TrainCase>(&one.spec)) return run_train_case(*train, one);
  if (const auto* serve = std::get_if<ServeCase>(&one.spec)) return run_serve_case(*serve, one);
  if (const auto* mix = std::get_if<MixCase>(&one.spec)) return run_mix_case(*mix, one);
  return strategies::run_collective_case(std::get<strategies::CollectiveCase>(one.spec),
                                         site_of(one), options_of(one));
}

}  // namespace

TimedOutcome run_here(const StudyCase& one) {
  const auto start = std::chrono::steady_clock::now();
  TimedOutcome timed{.outcome = outcome_of(one), .wall_s = 0};
  timed.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return timed;
}

}  // namespace windtunnel::scenarios
