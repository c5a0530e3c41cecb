#include "strategies/mix/mix_simulation.hpp"

#include <algorithm>
#include <deque>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

constexpr std::int64_t kShownIterations = 3;

// One job of the mix, started at its time.
struct Player {
  std::size_t job = 0;
  std::unique_ptr<JobEngine> engine{};
  std::unique_ptr<TrainingRun> training{};
  std::unique_ptr<ServingRun> serving{};
  bool started = false;
};

class MixSimulation {
 public:
  MixSimulation(const MixPlan& plan, sim::Engine& engine, const MixOptions& options)
      : plan_(plan),
        engine_(engine),
        options_(options),
        origin_(engine.now()),
        meter_(engine.network(), plan.jobs.size()) {}

  MixRun run() {
    for (const std::size_t job : plan_.taking_part) add(job);
    for (Player& player : players_) {
      engine_.after(member(player).start, [this, &player] {
        player.started = true;
        if (player.training) player.training->start();
        if (player.serving) player.serving->start();
      });
    }
    const std::int64_t before = engine_.events();
    engine_.run();
    MixRun out;
    out.events = engine_.events() - before;
    for (Player& player : players_) out.members.push_back(taken(player));
    for (const MemberRun& one : out.members) out.end = base::max(out.end, one.end);
    out.loads = meter_.loads();
    return out;
  }

 private:
  const MixMember& member(const Player& player) const { return plan_.jobs[player.job].member; }

  void add(std::size_t job) {
    const PreparedMember& prepared = plan_.jobs[job];
    const MixMember& member = prepared.member;
    Player& player = players_.emplace_back();
    player.job = job;
    player.engine = std::make_unique<JobEngine>(engine_, meter_, job, origin_ + member.start);
    if (prepared.training) {
      const PreparedTraining& training = *prepared.training;
      player.training = std::make_unique<TrainingRun>(
          *training.prepared.plan, training.folded, *player.engine,
          TrainingRun::Options{
              .gpus = member.gpus,
              .shown_iterations = options_.timeline_rows > 0 ? kShownIterations : 0,
              .goes_on = [this, job](std::int64_t done) { return goes_on(job, done); }});
      return;
    }
    const auto& serve = std::get<ServeMember>(member.work);
    player.serving = std::make_unique<ServingRun>(
        serve.job, prepared.serving->fleet(), prepared.serving->traffic(), *player.engine,
        ServingRun::Options{
            .gpus = replica_gpus(prepared.serving->fleet(), serve.site.cluster, member.gpus),
            .shown_transfers = options_.timeline_rows / 4,
            .simulation = {.seed = options_.seed, .load_samples = options_.load_rows}});
  }

  std::int64_t wanted(std::size_t job) const {
    const std::int64_t stated = std::get<TrainMember>(plan_.jobs[job].member.work).iterations;
    return stated == 0 && !serves() ? kIterations : stated;
  }
  bool serves() const {
    return std::any_of(players_.begin(), players_.end(),
                       [](const Player& one) { return one.serving != nullptr; });
  }

  // Iterations of a job that began after all jobs had started are asked for.
  bool goes_on(std::size_t job, std::int64_t done) {
    if (!plan_.iterations.empty()) return done < plan_.iterations[job];
    for (const Player& one : players_) {
      if (!one.started) return true;
      if (one.serving && !one.serving->over()) return true;
      if (one.training && one.training->done() < wanted(one.job) + skipped(one)) return true;
    }
    return false;
  }

  // Iterations that began before the last job's start.
  std::int64_t skipped(const Player& player) const {
    Seconds last{0};
    for (const Player& one : players_) last = base::max(last, member(one).start);
    return player.training->begun_before(last - member(player).start);
  }

  MemberRun taken(Player& player) {
    MemberRun out;
    out.begin = member(player).start;
    if (player.training) {
      base::ensures(player.training->over(), "a training job ends when the others do");
      out.trained = player.training->take();
      out.end = out.begin + out.trained->iterations.back().end;
    } else {
      base::ensures(player.serving->over(), "a serving job ends with its requests");
      out.served = player.serving->take();
      out.keys = player.serving->take_spans();
      out.end = out.begin + Seconds(out.served->end);
    }
    return out;
  }

  const MixPlan& plan_;
  sim::Engine& engine_;
  const MixOptions& options_;
  Seconds origin_;
  LinkMeter meter_;
  std::deque<Player> players_;
};

}  // namespace

MixRun simulate_mix(const MixPlan& plan, sim::Engine& engine, const MixOptions& options) {
  return MixSimulation(plan, engine, options).run();
}

}  // namespace windtunnel::strategies
