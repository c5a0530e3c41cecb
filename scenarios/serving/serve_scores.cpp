#include "scenarios/serving/serve_scores.hpp"

#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "sim/base/statistics.hpp"

namespace windtunnel::scenarios {
namespace {

// "tpot" of tpot_mean_s, "throughput" of a rate: the prefix of a figure's
// facts.
std::string short_name(const std::string& fact) {
  for (const char* latency : {"tpot", "ttft", "e2e"}) {
    if (fact.starts_with(latency)) return latency;
  }
  return fact == "max_rate_per_s" ? "max_rate" : "throughput";
}

void add_errors(const ServeErrors& errors, const std::string& prefix, const std::string& suffix,
                base::Outcome& out) {
  if (errors.absolute.empty()) return;
  const auto fact = [&](const char* name) -> double& { return out.facts[prefix + name + suffix]; };
  fact("rows") = static_cast<double>(errors.absolute.size());
  fact("mean_abs_error") = base::mean(errors.absolute);
  fact("median_abs_error") = base::quantile(errors.absolute, 0.5);
  fact("p90_abs_error") = base::quantile(errors.absolute, 0.9);
  fact("max_abs_error") = base::quantile(errors.absolute, 1.0);
  fact("bias") = base::mean(errors.signed_errors);
  fact("inside_band") = errors.inside_share();
  fact("band_width_median") = base::quantile(errors.widths, 0.5);
}

// A constant per (figure, GPU, precision, model); rates per GPU.
double null_error(const std::vector<ValidatedServe>& runs) {
  std::map<std::vector<std::string>, std::vector<double>> groups;
  for (const ValidatedServe& run : runs) {
    const ComparedFact& head = run.facts.front();
    const bool rate = short_name(head.fact) == "throughput" || head.fact == "max_rate_per_s";
    groups[{head.fact, run.gpu, run.row.precision, run.row.model}].push_back(
        rate ? head.measured / static_cast<double>(run.gpus) : head.measured);
  }
  std::vector<double> errors;
  for (const auto& [key, values] : groups) {
    if (values.size() < 2) continue;
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::vector<double> others = values;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      errors.push_back(std::abs(base::quantile(std::move(others), 0.5) / values[i] - 1.0));
    }
  }
  return base::mean(errors);
}

}  // namespace

void ServeErrors::add(const ComparedFact& fact) {
  signed_errors.push_back(fact.error());
  absolute.push_back(std::abs(fact.error()));
  widths.push_back((fact.band.high - fact.band.low) / fact.predicted);
  inside += fact.measured >= fact.band.low && fact.measured <= fact.band.high ? 1 : 0;
}

double ServeErrors::inside_share() const {
  return absolute.empty() ? 0.0
                          : static_cast<double>(inside) / static_cast<double>(absolute.size());
}

void add_serve_scores(const std::vector<ValidatedServe>& runs, base::Outcome& out) {
  ServeErrors headline;
  std::map<std::pair<std::string, std::string>, ServeErrors> figures;  // name and suffix
  for (const ValidatedServe& run : runs) {
    headline.add(run.facts.front());
    for (const ComparedFact& fact : run.facts) {
      const std::string name = short_name(fact.fact) + "_";
      figures[{name, ""}].add(fact);
      figures[{name, run.saturated ? "_saturated" : "_below"}].add(fact);
    }
  }
  out.facts["rows"] = 0.0;
  add_errors(headline, "", "", out);
  for (const auto& [key, errors] : figures) add_errors(errors, key.first, key.second, out);
  if (!runs.empty()) out.facts["null_mean_abs_error"] = null_error(runs);
}

}  // namespace windtunnel::scenarios
