#include "strategies/serve/capacity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "strategies/serve/arrival_times.hpp"
#include "strategies/serve/length_draw.hpp"

namespace windtunnel::strategies {
namespace {

constexpr double kRunsLimits = 50;  // a run lasts this many times the longest limit, at least
constexpr int kMostRuns = 60;
constexpr double kLowest = 1e-4;  // of the first rate that is tried

double fact(const base::Outcome& out, const std::string& name) {
  const auto found = out.facts.find(name);
  return found == out.facts.end() ? 0.0 : found->second;
}

bool has_rate(const ServeWorkload& workload) {
  if (workload.mode == ServeMode::offline) return false;
  if (workload.trace) return workload.trace->size() > 1;
  const ArrivalProcess process = workload.arrivals.process;
  return waiting_clients(workload.arrivals) == 0 && process != ArrivalProcess::all_at_once &&
         process != ArrivalProcess::offline;
}

// Requests/s of a trace as it is; 0: all at once.
double rate_of(const std::vector<Request>& trace) {
  base::Seconds first = kNever, last{0};
  for (const Request& request : trace) {
    if (request.arrival >= kNever) continue;
    first = base::min(first, request.arrival);
    last = base::max(last, request.arrival);
  }
  const double span = (last - first).value();
  return span > 0 ? static_cast<double>(trace.size() - 1) / span : 0.0;
}

// How long a request may take, as far as the limits say.
double longest_limit(const ServeWorkload& workload) {
  const Slo& slo = workload.slo;
  if (slo.e2e < kNever) return slo.e2e.value();
  double sum = slo.ttft < kNever ? slo.ttft.value() : 0.0;
  if (slo.tpot < kNever) sum += slo.tpot.value() * mean_length(workload.output);
  return sum;
}

class RateSearch {
 public:
  RateSearch(const ServeJob& job, const RunOfJob& run, const CapacityOptions& options)
      : job_(job), run_(run), options_(options), quick_(options.serve) {
    quick_.bands = false;
    quick_.request_rows = false;
    quick_.load_rows = 0;
    table_.columns = {"rate_per_s",          "meets_slo",  "slo_attainment", "ttft_p50_s",
                      "ttft_p99_s",          "tpot_p99_s", "e2e_p50_s",      "e2e_p99_s",
                      "output_tokens_per_s", "batch_mean"};
  }

  base::Outcome search() {
    if (!job_.workload.slo.any()) {
      return infeasible("a highest rate needs a limit (workload.slo) that it must meet");
    }
    if (!has_rate(job_.workload)) {
      return infeasible("arrivals without a rate (closed loops, all at once) have no highest one");
    }
    const double start = start_rate();
    std::optional<double> high;
    for (double rate = start; !meets(rate); rate /= 4) {
      high = rate;
      if (lowest_.status != base::Status::ok || alone() || rate < start * kLowest) break;
    }
    if (best_rate_ <= 0) return too_slow();
    while (!high && trials() < kMostRuns) {
      const double next = best_rate_ * 2;
      if (!meets(next)) high = next;
    }
    narrow(high.value_or(best_rate_));
    return result();
  }

 private:
  std::size_t trials() const { return table_.rows.size(); }

  base::Outcome infeasible(std::string why) const {
    base::Outcome out;
    out.status = base::Status::infeasible;
    out.reason = std::move(why);
    return out;
  }

  // Half of what it does with all requests at once.
  double start_rate() {
    ServeJob all = job_;
    all.workload.mode = ServeMode::offline;
    all.workload.slo = {};
    ServeOptions how = quick_;
    how.bands = options_.serve.bands;
    const base::Outcome out = run_(all, how);
    const double at_once = fact(out, "request_throughput_per_s");
    const auto band = out.bands.find("request_throughput_per_s");
    if (at_once > 0 && band != out.bands.end()) {
      band_ = {band->second.low / at_once, band->second.high / at_once, band->second.level};
    }
    return at_once > 0 ? at_once / 2 : std::max(job_.workload.arrivals.rate, 1.0);
  }

  ServeJob at_rate(double rate) const {
    ServeJob job = job_;
    if (job.workload.trace) {
      const double as_it_is = rate_of(*job.workload.trace);
      auto trace = std::make_shared<std::vector<Request>>(*job.workload.trace);
      for (Request& request : *trace) {
        if (as_it_is > 0) request.arrival *= as_it_is / rate;
      }
      job.workload.trace = std::move(trace);
      return job;
    }
    job.workload.arrivals.rate = rate;
    const double wanted = kRunsLimits * longest_limit(job.workload) * rate;
    const double most = static_cast<double>(options_.most_requests);
    job.workload.arrivals.requests =
        std::max(job.workload.arrivals.requests, static_cast<std::int64_t>(std::min(wanted, most)));
    return job;
  }

  // Share of all requests that were completed within every limit.
  static double attained(const base::Outcome& out) {
    const double requests = fact(out, "requests");
    const double in_flight = fact(out, "in_flight");
    return requests > 0 ? fact(out, "slo_attainment") * (1 - in_flight / requests) : 0.0;
  }

  bool meets(double rate) {
    base::Outcome out = run_(at_rate(rate), quick_);
    const bool good = out.status == base::Status::ok && fact(out, "saturated") <= 0 &&
                      attained(out) >= options_.share;
    add_row(rate, good, out);
    events_ += out.events;
    if (good && rate > best_rate_) best_rate_ = rate;
    if (!good) lowest_ = std::move(out);
    return good;
  }

  // Requests of the last run that failed never met each other.
  bool alone() const { return fact(lowest_, "queue_mean_s") <= 0; }

  void narrow(double high) {
    double low = best_rate_;
    while (high / low > 1 + options_.precision && trials() < kMostRuns) {
      const double middle = std::sqrt(low * high);
      (meets(middle) ? low : high) = middle;
    }
  }

  void add_row(double rate, bool good, const base::Outcome& out) {
    std::vector<base::Cell> row;
    row.reserve(table_.columns.size());
    row.emplace_back(rate);
    row.emplace_back(static_cast<std::int64_t>(good ? 1 : 0));
    for (std::size_t i = 2; i < table_.columns.size(); ++i) {
      const auto found = out.facts.find(table_.columns[i]);
      row.emplace_back();
      if (found != out.facts.end()) row.back() = found->second;
    }
    table_.rows.push_back(std::move(row));
  }

  base::Outcome too_slow() const {
    if (lowest_.status != base::Status::ok) return lowest_;
    std::string why = "not even requests that come far apart are served within the limits:";
    const Slo& slo = job_.workload.slo;
    const auto say = [&](const char* name, const char* key, base::Seconds limit) {
      if (limit >= kNever) return;
      why += fmt::format(" {} takes {:.4g} s at the 99th percentile, the limit is {:.4g} s;", name,
                         fact(lowest_, key), limit.value());
    };
    say("the first token", "ttft_p99_s", slo.ttft);
    say("each other token", "tpot_p99_s", slo.tpot);
    say("the whole answer", "e2e_p99_s", slo.e2e);
    why.back() = '.';
    base::Outcome out = infeasible(why);
    out.facts = lowest_.facts;
    out.facts["max_rate_per_s"] = 0;
    return out;
  }

  base::Outcome result() {
    base::Outcome out = run_(at_rate(best_rate_), options_.serve);
    out.facts["max_rate_per_s"] = best_rate_;
    const double gpus = fact(out, "gpus");
    if (gpus > 0) out.facts["max_rate_per_s_per_gpu"] = best_rate_ / gpus;
    out.facts["capacity_runs"] = static_cast<double>(trials());
    out.events += events_;
    // As wide as that of the throughput with all requests at once, which the highest rate comes near.
    if (band_) {
      out.bands["max_rate_per_s"] = {best_rate_ * band_->low, best_rate_ * band_->high,
                                     band_->level};
    }
    const auto rests = out.rests_on.find("e2e_mean_s");
    if (rests != out.rests_on.end()) out.rests_on["max_rate_per_s"] = rests->second;
    std::sort(table_.rows.begin(), table_.rows.end(), [](const auto& a, const auto& b) {
      return std::get<double>(a.front()) < std::get<double>(b.front());
    });
    out.tables["capacity"] = std::move(table_);
    return out;
  }

  const ServeJob& job_;
  const RunOfJob& run_;
  const CapacityOptions& options_;
  ServeOptions quick_;
  base::Table table_;
  base::Outcome lowest_;  // of the last run that did not meet the limits
  double best_rate_ = 0;
  std::optional<base::Band> band_;  // of the throughput at once, as factors
  std::int64_t events_ = 0;
};

}  // namespace

base::Outcome highest_rate(const ServeJob& job, const RunOfJob& run,
                           const CapacityOptions& options) {
  return RateSearch(job, run, options).search();
}

base::Outcome highest_rate(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                           const CapacityOptions& options) {
  return highest_rate(
      job,
      [&](const ServeJob& one, const ServeOptions& how) {
        return run_serve(one, subject, site, how);
      },
      options);
}

const std::map<std::string, base::FactInfo>& capacity_fact_info() {
  static const std::map<std::string, base::FactInfo> infos = {
      {"max_rate_per_s",
       {"highest rate within the SLO", "1/s",
        "highest arrival rate at which the stated share of requests (99 %) meets every limit and "
        "the queue does not grow"}},
      {"max_rate_per_s_per_gpu",
       {"highest rate within the SLO, a GPU", "1/s", "max_rate_per_s / gpus"}},
      {"capacity_runs", {"runs of the search", "", "rates that were simulated"}},
  };
  return infos;
}

}  // namespace windtunnel::strategies
