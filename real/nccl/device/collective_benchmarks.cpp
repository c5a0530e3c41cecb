#include "real/nccl/device/collective_benchmarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <numeric>

#include "real/cuda/device.hpp"
#include "real/nccl/device/collective_run.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::real {
namespace {

using base::EnvironmentError;
using collectives::Op;

constexpr std::int64_t kFrom = 8;
constexpr std::int64_t kTo = std::int64_t{8} << 30, kToQuick = std::int64_t{1} << 30;
constexpr std::int64_t kLargeSize = 1 << 20;

// What all points share: NCCL once loaded, the communicators of the last setting, settings refused.
class Laboratory {
 public:
  explicit Laboratory(CollectiveSite site) : site_(std::move(site)) {}

  std::shared_ptr<const NcclClique> clique(const NcclSetting& setting) {
    if (clique_ && setting == setting_) return clique_;
    clique_.reset();  // one at a time: their buffers take memory
    if (!api_) load();
    clique_ = std::make_shared<const NcclClique>(api_, site_.devices, site_.peers(), setting);
    setting_ = setting;
    return clique_;
  }
  // A call has failed: its communicators may not be fit for more.
  void drop() { clique_.reset(); }

  std::map<std::string, std::string>& refusals() { return refusals_; }

 private:
  // On every process or on none: one that goes on alone would wait for ever.
  void load() {
    std::string problem;
    try {
      api_ = NcclApi::load();
    } catch (const EnvironmentError& error) {
      problem = error.what();
    }
    if (site_.peers().max(problem.empty() ? 0.0 : 1.0) < 0.5) return;
    api_.reset();
    throw EnvironmentError(problem.empty() ? "another process has no NCCL" : problem);
  }

  CollectiveSite site_;
  std::shared_ptr<const NcclApi> api_;
  NcclSetting setting_;
  std::shared_ptr<const NcclClique> clique_;
  std::map<std::string, std::string> refusals_;  // by op and setting
};

struct PointPlan {
  CollectiveCall call;
  NcclSetting setting;
  Reduction reduction = Reduction::sum;
};

std::string setting_key(const PointPlan& plan) {
  return fmt::format("{} {} {}", to_text(plan.call.op), plan.setting.algorithm,
                     plan.setting.protocol);
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Who takes part, over what.
Fields layout_fields(const CollectiveSite& site, const CollectiveWish& wish) {
  const auto per_process = std::max<std::int64_t>(1, std::ssize(site.devices));
  const std::int64_t processes = site.environment.size, local = site.environment.local_size;
  Fields fields{{"ranks", std::to_string(processes * per_process)}};
  const bool known = processes == 1 || (local > 0 && processes % local == 0);
  const std::int64_t nodes = processes == 1 ? 1 : known ? processes / local : 0;
  set_field(fields, "nodes", known ? std::to_string(nodes) : "");
  set_field(fields, "gpus_per_node", known ? std::to_string(processes * per_process / nodes) : "");
  set_field(fields, "launch",
            per_process == 1     ? "per_gpu_process"
            : processes == nodes ? "one_process_per_node"
                                 : "");
  if (!wish.fabric.empty()) set_field(fields, "fabric", wish.fabric);
  if (!wish.interconnect.empty()) set_field(fields, "interconnect", wish.interconnect);
  return fields;
}

Fields point_fields(const PointPlan& plan, const Fields& layout) {
  Fields fields{{"kind", "collective"},
                {"op", std::string(to_text(plan.call.op))},
                {"bytes", std::to_string(call_bytes(plan.call))}};
  set_fields(fields, layout);
  const bool forced = !plan.setting.algorithm.empty();
  set_field(fields, "algorithm",
            measured_algorithm(forced ? plan.setting.algorithm : from_environment("NCCL_ALGO")));
  set_field(fields, "protocol",
            plan.setting.protocol.empty() ? from_environment("NCCL_PROTO") : plan.setting.protocol);
  set_field(fields, "precision", std::string(to_text(plan.call.type)));
  set_field(fields, "in_place", plan.call.placement == Placement::in_place ? "1" : "0");
  if (plan.reduction == Reduction::scaled_sum) {
    set_field(fields, "implementation", "scaled_sum");
    set_field(fields, "notes", "one rank: NCCL's own reduction kernel");
  } else if (plan.call.ranks == 1) {
    set_field(fields, "notes", "one rank: a copy on the device, or nothing in place");
  }
  return fields;
}

std::shared_ptr<CollectiveRun> allocated_run(const std::shared_ptr<const NcclClique>& clique,
                                             const PointPlan& plan) {
  std::shared_ptr<CollectiveRun> run;
  std::string problem;
  try {
    run = std::make_shared<CollectiveRun>(clique, plan.call, plan.reduction);
  } catch (const EnvironmentError& error) {
    problem = error.what();
  }
  if (clique->peers().max(problem.empty() ? 0.0 : 1.0) > 0.5)
    throw PointRefused(problem.empty() ? "another process could not prepare it" : problem);
  return run;
}

// Makes the run and tries the call once, so that what NCCL cannot do is refused here, and for the
// other sizes of the same setting at once.
std::shared_ptr<CollectiveRun> tried_run(Laboratory& lab, const PointPlan& plan) {
  const std::string key = setting_key(plan);
  if (const auto known = lab.refusals().find(key); known != lab.refusals().end())
    throw PointRefused(known->second);
  try {
    auto run = allocated_run(lab.clique(plan.setting), plan);
    run->issue();
    run->wait();
    return run;
  } catch (const EnvironmentError& error) {
    lab.drop();
    lab.refusals()[key] = error.what();
    throw PointRefused(error.what());
  }
}

Prepared prepare(Laboratory& lab, const PointPlan& plan) {
  const std::shared_ptr<CollectiveRun> run = tried_run(lab, plan);
  Prepared prepared;
  prepared.run = [run](std::int64_t) { run->issue(); };
  prepared.check = [run] { return run->check_data(); };
  prepared.stopwatch = &run->stopwatch();
  prepared.more_fields = [run] {
    const NcclClique& clique = run->clique();
    Fields fields{{"stack", "NCCL " + clique.api().version()},
                  {"nccl", clique.api().version()},
                  {"nodes", std::to_string(clique.nodes())}};
    if (clique.ranks() % clique.nodes() == 0)
      set_field(fields, "gpus_per_node", std::to_string(clique.ranks() / clique.nodes()));
    if (const auto estimate = run->estimate())
      set_field(fields, "estimate_s", time_text(*estimate));
    return fields;
  };
  if (run->feeds_on_itself() && call_bytes(plan.call) >= kLargeSize) {
    SamplingPlan sampling;
    sampling.max_calls_per_sample = run->calls_until_overflow();
    prepared.plan = sampling;
  }
  return prepared;
}

std::vector<Element> element_types(const Selection& selection) {
  std::vector<Element> types;
  for (const models::NumberFormat format : selection.formats) {
    if (format == models::NumberFormat::fp32) types.push_back(Element::fp32);
    if (format == models::NumberFormat::fp16) types.push_back(Element::fp16);
    if (format == models::NumberFormat::bf16) types.push_back(Element::bf16);
  }
  if (types.empty()) types.push_back(Element::fp32);
  return types;
}

std::vector<Op> wished_ops(const CollectiveWish& wish) {
  if (wish.ops.empty()) return {collectives::kOps.begin(), collectives::kOps.end()};
  std::vector<Op> ops;
  std::vector<std::string> known;
  for (const Op op : collectives::kOps) known.emplace_back(to_text(op));
  for (const std::string& word : wish.ops) {
    const auto op = collectives::op_from_text(word);
    if (!op)
      throw base::InputError({},
                             fmt::format("there is no collective '{}'{}; there are {}", word,
                                         base::did_you_mean(word, known), fmt::join(known, ", ")));
    ops.push_back(*op);
  }
  return ops;
}

std::vector<std::int64_t> wished_sizes(const Selection& selection, Op op, std::int64_t ranks) {
  const CollectiveWish& wish = selection.collective;
  const bool quick = selection.effort == Effort::quick;
  const bool own = wish.from.value() <= 0 && wish.to.value() <= 0;
  // One rank's calls are all alike (a copy): fewer sizes of one op tell the same.
  const double alone = op == Op::all_reduce ? 4.0 : 1024.0;
  const double factor = !own ? wish.factor : ranks == 1 ? alone : quick ? 8.0 : 2.0;
  const std::int64_t from = own ? kFrom : static_cast<std::int64_t>(wish.from.value());
  const std::int64_t to =
      own ? (quick ? kToQuick : kTo) : static_cast<std::int64_t>(wish.to.value());
  return sweep_sizes(std::max<std::int64_t>(from, 4), to, factor);
}

class PointList {
 public:
  PointList(const Selection& selection, const CollectiveSite& site)
      : selection_(selection),
        lab_(std::make_shared<Laboratory>(site)),
        layout_(layout_fields(site, selection.collective)) {
    ranks_ = std::stoll(field(layout_, "ranks"));
  }

  Benchmark benchmark(Op op) {
    Benchmark out{std::string(to_text(op)), {}};
    const SettingList list = nccl_settings(op, selection_.collective);
    if (!list.unknown.empty())
      throw base::InputError(
          {}, fmt::format("NCCL has no algorithm or protocol '{}'; its algorithms are ring, tree, "
                          "collnet_direct, collnet_chain, nvls, nvls_tree and pat, its protocols "
                          "ll, ll128 and simple",
                          fmt::join(list.unknown, "', '")));
    for (const NcclSetting& setting : list.settings)
      for (const Element type : element_types(selection_)) add(out, op, setting, type);
    return out;
  }

  // One GPU: what no call on it can show.
  Benchmark impossible() const {
    Benchmark out{"between_gpus", {}};
    out.points.push_back(
        {{{"kind", "collective"}, {"op", "all_reduce"}, {"ranks", "2"}}, []() -> Prepared {
           throw PointRefused(
               "one GPU: NCCL refuses two ranks on it, so links, algorithms and protocols cannot "
               "be "
               "measured here; take them from a shipped profile, or run this on two GPUs or more");
         }});
    return out;
  }

  std::int64_t ranks() const { return ranks_; }

 private:
  void add(Benchmark& out, Op op, const NcclSetting& setting, Element type) {
    for (const Placement placement : {Placement::out_of_place, Placement::in_place}) {
      if (!allows(op, placement)) continue;
      if (placement == Placement::in_place && selection_.effort == Effort::quick) continue;
      const CollectiveCall kind{op, placement, ranks_, 0, type};
      std::int64_t last = 0;
      for (const std::int64_t size : wished_sizes(selection_, op, ranks_)) {
        const PointPlan plan{call_of(kind, size), setting, Reduction::sum};
        if (plan.call.unit == 0 || call_bytes(plan.call) == last) continue;
        last = call_bytes(plan.call);
        add(out, plan);
        if (ranks_ == 1 && op == Op::all_reduce && type == Element::fp32)
          add(out, {plan.call, setting, Reduction::scaled_sum});
      }
    }
  }
  void add(Benchmark& out, const PointPlan& plan) {
    out.points.push_back(
        {point_fields(plan, layout_), [lab = lab_, plan] { return prepare(*lab, plan); }});
  }

  const Selection& selection_;
  std::shared_ptr<Laboratory> lab_;
  Fields layout_;
  std::int64_t ranks_ = 1;
};

}  // namespace

std::vector<int> collective_devices(const LaunchEnvironment& environment, int asked) {
  if (asked >= 0) return {asked};
  const int count = device_count();
  if (count == 0) return {};
  if (environment.size > 1) return {environment.local_rank % count};
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<Benchmark> collective_benchmarks(const Selection& selection,
                                             const CollectiveSite& site) {
  PointList list(selection, site);
  std::vector<Benchmark> out;
  for (const Op op : wished_ops(selection.collective)) out.push_back(list.benchmark(op));
  if (list.ranks() == 1) out.push_back(list.impossible());
  return out;
}

}  // namespace windtunnel::real
