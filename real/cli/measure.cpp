#include "real/cli/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>

#include "real/cli/arguments.hpp"
#include "real/cli/exit_code.hpp"
#include "real/cli/mpi_child.hpp"
#include "real/record.hpp"
#include "real/sweep.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/interrupt.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::real {
namespace {

using base::Seconds;
using Clock = std::chrono::steady_clock;

// `--list`: the points, with the columns that any of them has.
void print_points(const std::vector<Benchmark>& benchmarks) {
  std::vector<std::string> used;
  for (const std::string& column : columns()) {
    const bool any = std::any_of(benchmarks.begin(), benchmarks.end(), [&](const Benchmark& b) {
      return std::any_of(b.points.begin(), b.points.end(),
                         [&](const Point& point) { return !field(point.fields, column).empty(); });
    });
    if (any) used.push_back(column);
  }
  if (used.empty()) return;
  fmt::print("{}", csv_line(used));
  for (const Benchmark& benchmark : benchmarks) {
    for (const Point& point : benchmark.points) {
      std::vector<std::string> values;
      for (const std::string& column : used) values.push_back(field(point.fields, column));
      fmt::print("{}", csv_line(values));
    }
  }
}

void print_plan(const std::vector<Benchmark>& benchmarks, const Arguments& arguments,
                const Fields& identity) {
  const std::set<std::string> done =
      arguments.out.empty() ? std::set<std::string>{} : points_in(arguments.out);
  std::size_t points = 0, known = 0;
  for (const Benchmark& benchmark : benchmarks) {
    std::size_t of_this = 0;
    for (const Point& point : benchmark.points)
      of_this += done.count(point_id(point.fields, identity));
    fmt::print("{}: {} points, {} of them measured already\n", benchmark.name,
               benchmark.points.size(), of_this);
    points += benchmark.points.size();
    known += of_this;
  }
  const Seconds most = static_cast<double>(points - known) * arguments.plan.max_time;
  fmt::print("{} points to measure, at most about {} of sampling\n", points - known,
             base::to_text(most));
}

void print_summary(const SweepResult& result, const Arguments& arguments) {
  std::string text = fmt::format("{} of {} points measured", result.measured, result.points);
  if (result.known > 0) text += fmt::format(", {} were there already", result.known);
  if (!result.refused.empty()) text += fmt::format(", {} left out", result.refused.size());
  if (!result.wrong.empty()) text += fmt::format(", {} WITH WRONG DATA", result.wrong.size());
  if (result.left > 0)
    text += fmt::format(", {} left for want of time (the same command goes on)", result.left);
  if (result.interrupted)
    text += arguments.out.empty() ? "; interrupted" : "; interrupted (the same command goes on)";
  fmt::print(stderr, "{}\n", text);
}

ExitCode status_of(const SweepResult& result) {
  if (result.interrupted) return ExitCode::interrupted;
  return result.wrong.empty() ? ExitCode::ok : ExitCode::wrong_data;
}

// Where rows go: a file that can be gone on with, or stdout.
class Rows {
 public:
  explicit Rows(const Arguments& arguments) {
    if (!arguments.out.empty())
      file_ = std::make_unique<MeasurementWriter>(arguments.out);
    else if (arguments.header == Header::with)
      fmt::print("{}", csv_line(columns()));
    if (file_ && file_->repaired())
      fmt::print(stderr, "{}: its last line was cut off; that point is measured again\n",
                 arguments.out);
  }
  bool known(const std::string& point) const { return file_ && file_->has(point); }
  void write(const Fields& row) {
    if (file_) {
      file_->write(row);
      return;
    }
    std::vector<std::string> values;
    for (const std::string& column : columns()) values.push_back(field(row, column));
    fmt::print("{}", csv_line(values));
    std::fflush(stdout);
  }

 private:
  std::unique_ptr<MeasurementWriter> file_;
};

class Run {
 public:
  Run(Arguments arguments, const Program& program)
      : arguments_(std::move(arguments)), program_(program) {}

  ExitCode go() {
    const auto factory = program_.devices.find(arguments_.device);
    if (factory == program_.devices.end())
      throw base::EnvironmentError("this program does not measure --device " + arguments_.device);
    device_ = factory->second(arguments_.device_options);
    const std::vector<Benchmark> benchmarks = wanted();
    if (arguments_.mode == Mode::list) {
      print_points(benchmarks);
      return ExitCode::ok;
    }
    device_->open();
    if (arguments_.mode == Mode::dry_run) {
      print_plan(benchmarks, arguments_, device_->identity());
      return ExitCode::ok;
    }
    const base::InterruptGuard guard;
    ExitCode status = ExitCode::ok;
    if (!benchmarks.empty() || mpi_verbs_.empty()) status = sweep(benchmarks);
    if (status != ExitCode::interrupted && !mpi_verbs_.empty())
      status = std::max(status, sweep_under_mpi());
    return status;
  }

 private:
  std::vector<Benchmark> wanted() {
    const bool several = arguments_.device_options.environment.size > 1;
    std::vector<Benchmark> all;
    for (const Verb verb : arguments_.verbs) {
      if (needs_mpi(verb)) mpi_verbs_.push_back(verb);
      const bool together = verb == Verb::collective || verb == Verb::step;
      if (several && !together) {
        if (arguments_.asked == Arguments::Asked::all) continue;
        throw base::EnvironmentError(fmt::format(
            "{} is measured by one process, and the launcher started several; only collective and "
            "step take more",
            to_text(verb)));
      }
      std::vector<Benchmark> some = device_->benchmarks(verb, arguments_.selection);
      if (some.empty() && !needs_mpi(verb) && arguments_.asked == Arguments::Asked::named)
        throw base::EnvironmentError(fmt::format("there is no {} benchmark on {}", to_text(verb),
                                                 arguments_.device == "cpu" ? "a CPU" : "CUDA"));
      for (Benchmark& benchmark : some) all.push_back(std::move(benchmark));
    }
    return all;
  }

  bool needs_mpi(Verb verb) const {
    return arguments_.device == "cpu" && program_.processes == Program::Processes::starts_mpi &&
           (verb == Verb::collective || verb == Verb::step);
  }

  ExitCode sweep(const std::vector<Benchmark>& benchmarks) {
    const bool writes = device_->peers().rank() == 0;
    const auto rows = writes ? std::make_unique<Rows>(arguments_) : nullptr;
    SweepOptions options;
    options.plan = arguments_.plan;
    options.budget = arguments_.budget;
    options.provenance = {
        {"host", arguments_.host}, {"command", arguments_.command}, {"source", arguments_.source}};
    options.known = [&](const std::string& point) { return rows->known(point); };
    options.write = [&](const Fields& row) { rows->write(row); };
    options.progress = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
    options.stop = base::InterruptGuard::requested;
    const SweepResult result = run_sweep(*device_, benchmarks, options);
    if (writes) print_summary(result, arguments_);
    return status_of(result);
  }

  ExitCode sweep_under_mpi() {
    if (const std::string trouble = mpi_trouble(); !trouble.empty()) {
      const std::string sentence =
          "collectives and steps of several processes left out: " + trouble;
      if (arguments_.asked == Arguments::Asked::named) throw base::EnvironmentError(sentence);
      fmt::print(stderr, "{}\n", sentence);
      return ExitCode::ok;
    }
    std::fflush(stdout);
    arguments_.raw.emplace_back("--no-header");
    int worst = 0;
    for (const int ranks : ranks_of_mpi()) {
      const Seconds gone(std::chrono::duration<double>(Clock::now() - start_).count());
      worst = std::max(worst,
                       measure_under_mpi(arguments_, mpi_verbs_, ranks, arguments_.budget - gone));
      if (base::InterruptGuard::requested()) return ExitCode::interrupted;
    }
    return static_cast<ExitCode>(worst);
  }

  // 2, 4, ... up to one a core; never fewer than 2.
  std::vector<int> ranks_of_mpi() const {
    if (!arguments_.ranks.empty()) return arguments_.ranks;
    const int cores = static_cast<int>(std::max(2U, std::thread::hardware_concurrency()));
    if (arguments_.selection.effort == Effort::quick) return {std::min(cores, 4)};
    std::vector<int> ranks;
    for (int count = 2; count <= std::min(cores, 16); count *= 2) ranks.push_back(count);
    return ranks;
  }

  Arguments arguments_;
  const Program& program_;
  std::unique_ptr<MeasuringDevice> device_;
  std::vector<Verb> mpi_verbs_;
  Clock::time_point start_ = Clock::now();
};

int say(const std::string& text, ExitCode status) {
  fmt::print(stderr, "windtunnel-measure: {}\n", text);
  return static_cast<int>(status);
}

}  // namespace

int measure(const std::vector<std::string>& words, const Program& program) {
  try {
    return static_cast<int>(Run(parse_command_line(words), program).go());
  } catch (const CommandLineEnd& end) {
    fmt::print(end.status == 0 ? stdout : stderr, "{}", end.text);
    return end.status;
  } catch (const base::InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(ExitCode::input);
  } catch (const base::EnvironmentError& error) {
    return say(error.what(), ExitCode::environment);
  } catch (const std::exception& error) {
    return say(fmt::format("a bug: {}", error.what()), ExitCode::bug);
  }
}

}  // namespace windtunnel::real
