#include "real/sweep.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "real/record.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::real {
namespace {

using base::Seconds;
using Clock = std::chrono::steady_clock;

Seconds since(Clock::time_point start) {
  return Seconds(std::chrono::duration<double>(Clock::now() - start).count());
}

std::string now_text() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

void add_positive(Fields& row, std::string_view name, double value) {
  if (value > 0) set_field(row, name, fmt::format("{:.4g}", value));
}

// The slower clock of before and after: what the point can have run at.
Fields clock_fields(const ClockState& before, const ClockState& after) {
  Fields out;
  add_positive(out, "clock_mhz", std::min(before.clock_mhz, after.clock_mhz));
  add_positive(out, "memory_clock_mhz", std::min(before.memory_clock_mhz, after.memory_clock_mhz));
  add_positive(out, "power_w", std::max(before.power_w, after.power_w));
  add_positive(out, "temperature_c", std::max(before.temperature_c, after.temperature_c));
  set_field(out, "throttled", after.throttled);
  return out;
}

Fields sample_fields(const Sampled& sampled) {
  const SampleSummary& summary = sampled.summary;
  return {{"time_s", time_text(summary.median)},
          {"samples", std::to_string(summary.samples)},
          {"calls_per_sample", std::to_string(sampled.calls_per_sample)},
          {"time_min_s", time_text(summary.min)},
          {"time_p10_s", time_text(summary.p10)},
          {"time_p90_s", time_text(summary.p90)},
          {"ci_half_width_s", time_text(summary.ci_half_width)},
          {"outliers", std::to_string(summary.outliers)},
          {"stopped_by", std::string(to_text(sampled.stop))}};
}

class Sweep {
 public:
  Sweep(MeasuringDevice& device, const SweepOptions& options)
      : device_(device), options_(options), peers_(device.peers()), identity_(device.identity()) {}

  void point(const Point& point) {
    ++result.points;
    const std::string id = point_id(point.fields, identity_);
    switch (verdict(id)) {
      case Verdict::known:
        ++result.known;
        return;
      case Verdict::late:
        ++result.left;
        return;
      case Verdict::go:
        break;
    }
    const auto start = Clock::now();
    try {
      measure(point, id);
    } catch (const PointRefused& refused) {
      list(result.refused, point, refused.what(), "left out");
    }
    last_point_ = since(start);
  }

  SweepResult result;

 private:
  enum class Verdict { go, known, late };

  // Rank 0 decides.
  Verdict verdict(const std::string& id) {
    double mine = 0;
    if (peers_.rank() == 0) {
      if (options_.known && options_.known(id))
        mine = 1;
      else if (since(start_) + last_point_ > options_.budget)
        mine = 2;
    }
    const double agreed = peers_.max(mine);
    return agreed > 1.5 ? Verdict::late : agreed > 0.5 ? Verdict::known : Verdict::go;
  }

  // What one rank cannot do none does: all leave the point together.
  Prepared prepare_together(const Point& point) {
    std::string refusal;
    Prepared prepared;
    try {
      prepared = point.prepare();
    } catch (const PointRefused& refused) {
      refusal = refused.what();
    }
    if (peers_.size() == 1) {
      if (!refusal.empty()) throw PointRefused(refusal);
      return prepared;
    }
    for (const std::string& text : peers_.gather(refusal)) {
      if (!text.empty()) throw PointRefused(text);
    }
    return prepared;
  }

  void measure(const Point& point, const std::string& id) {
    const Prepared prepared = prepare_together(point);
    Stopwatch& stopwatch =
        prepared.stopwatch != nullptr ? *prepared.stopwatch : device_.stopwatch();
    const SamplingPlan plan = prepared.plan.value_or(options_.plan);
    if (prepared.check) {
      stopwatch.time(prepared.run, 0, 1);
      std::string wrong;
      for (const std::string& text : peers_.gather(prepared.check())) {
        if (wrong.empty()) wrong = text;
      }
      if (!wrong.empty()) {
        list(result.wrong, point, wrong, "WRONG DATA");
        return;
      }
    }
    const ClockState before = device_.clocks();
    const Sampled sampled = sample(stopwatch, prepared.run, plan, peers_, options_.stop);
    Fields row = point.fields;
    set_fields(row, sample_fields(sampled));
    set_fields(row, clock_fields(before, device_.clocks()));
    if (prepared.more_fields) set_fields(row, prepared.more_fields());
    std::vector<Fields> rows;
    if (prepared.more_rows) rows = prepared.more_rows();
    set_field(row, "point", id);
    rows.push_back(std::move(row));  // last: once it is there the point counts as done
    ++result.measured;
    if (peers_.rank() != 0) return;
    for (const Fields& each : rows) write(each);
    if (options_.progress)
      options_.progress(fmt::format(
          "{}: {} +-{:.1f} %{}{}", describe(point.fields), base::to_text(sampled.summary.median),
          100 * (sampled.summary.ci_half_width / sampled.summary.median),
          sampled.stop == Sampled::Stop::converged ? "" : " (still noisy)",
          sampled.summary.outliers > 0 ? fmt::format(", {} outliers", sampled.summary.outliers)
                                       : ""));
  }

  void write(const Fields& row) {
    Fields whole = identity_;
    set_fields(whole, options_.provenance);
    set_field(whole, "date", now_text());
    set_fields(whole, row);
    options_.write(whole);
  }

  void list(std::vector<PointTrouble>& troubles, const Point& point, const std::string& reason,
            const std::string& word) {
    troubles.push_back({point.fields, reason});
    if (peers_.rank() == 0 && options_.progress)
      options_.progress(fmt::format("{}: {}: {}", describe(point.fields), word, reason));
  }

  MeasuringDevice& device_;
  const SweepOptions& options_;
  Peers& peers_;
  Fields identity_;
  Clock::time_point start_ = Clock::now();
  Seconds last_point_{0};
};

}  // namespace

std::string describe(const Fields& point) {
  std::string text;
  for (const auto& [name, value] : point) {
    if (value.empty()) continue;
    text += text.empty() ? value : fmt::format(" {}={}", name, value);
  }
  return text;
}

SweepResult run_sweep(MeasuringDevice& device, const std::vector<Benchmark>& benchmarks,
                      const SweepOptions& options) {
  base::expects(options.write != nullptr, "a sweep without a place for its rows");
  Sweep sweep(device, options);
  try {
    for (const Benchmark& benchmark : benchmarks) {
      for (const Point& point : benchmark.points) sweep.point(point);
    }
  } catch (const Interrupted&) {
    sweep.result.interrupted = true;
  }
  return std::move(sweep.result);
}

}  // namespace windtunnel::real
