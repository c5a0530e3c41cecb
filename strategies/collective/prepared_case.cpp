#include "strategies/collective/prepared_case.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sim/base/unit_text.hpp"

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::ScheduleRequest;

// What is wrong with the groups of a case; empty where nothing is.
std::string wrong_groups(const CollectiveCase& one, int gpus) {
  if (one.groups.empty()) return "there is no group of GPUs";
  for (std::size_t i = 0; i < one.groups.size(); ++i) {
    const std::vector<int>& group = one.groups[i];
    if (group.empty()) return fmt::format("group {} is empty", i);
    const std::set<int> members(group.begin(), group.end());
    if (members.size() != group.size()) return fmt::format("group {} names a GPU twice", i);
    if (*members.begin() < 0 || *members.rbegin() >= gpus) {
      return fmt::format("group {} names GPU {}; the cluster has GPUs 0 to {}", i,
                         *members.begin() < 0 ? *members.begin() : *members.rbegin(), gpus - 1);
    }
    if (one.root < 0 || one.root >= static_cast<int>(group.size())) {
      return fmt::format("root {} is not a position in group {} of {} GPUs", one.root, i,
                         group.size());
    }
  }
  return "";
}

// Whether an algorithm gives each channel its own way through the nodes; others only cut messages.
bool has_own_channels(Algorithm algorithm) {
  return algorithm == Algorithm::ring || algorithm == Algorithm::tree ||
         algorithm == Algorithm::double_binary_tree;
}

// As stated; for `auto`, and beside a model's times, what NCCL would use; else 1.
int channels_of(const CollectiveCase& one, Algorithm algorithm, const CollectiveChoice& choice) {
  if (one.channels) return *one.channels;
  const bool open = one.algorithm == Algorithm::automatic || choice.link_costs.has_value();
  const bool nccl = open && has_own_channels(algorithm);
  return nccl ? choice.channels : 1;
}

ScheduleRequest request_of(const CollectiveCase& one, Algorithm algorithm, int channels) {
  ScheduleRequest request;
  request.op = one.op;
  request.algorithm = algorithm;
  request.bytes = static_cast<std::int64_t>(one.bytes.value());
  request.root = one.root;
  request.channels = channels;
  request.chunk_bytes = one.chunk ? static_cast<std::int64_t>(one.chunk->value()) : 0;
  return request;
}

std::vector<GroupPlan> plans_of(const CollectiveCase& one, const ScheduleRequest& common,
                                const CollectiveSite& site, GroupCache& cache) {
  std::vector<GroupPlan> plans;
  for (const std::vector<int>& group : one.groups) {
    const GroupPlace& place = cache.at(site.network, group);
    ScheduleRequest request = common;
    request.ranks = static_cast<std::int32_t>(group.size());
    plans.push_back({&place, collectives::placed(std::move(request), place.placement)});
  }
  return plans;
}

std::string why_not(const std::vector<GroupPlan>& plans) {
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto reason = collectives::why_not(plans[i].request);
    if (reason) return plans.size() == 1 ? *reason : fmt::format("group {}: {}", i, *reason);
  }
  return "";
}

// Algorithms that could stand in for a choice without a schedule here, the fastest of the choice
// first.
std::vector<Algorithm> stand_ins(const CollectiveChoice& choice) {
  std::vector<Algorithm> out;
  for (const auto& row : choice.alternatives.rows) {
    const auto algorithm = collectives::algorithm_from_text(std::get<std::string>(row.front()));
    if (algorithm && std::ranges::find(out, *algorithm) == out.end()) out.push_back(*algorithm);
  }
  for (const Algorithm algorithm : {Algorithm::ring, Algorithm::direct}) {
    if (std::ranges::find(out, algorithm) == out.end()) out.push_back(algorithm);
  }
  return out;
}

// `auto` may choose what this cluster does not state (NVLS without reducing switches): then the
// next best with a schedule is simulated in its place.
void replace_choice(const CollectiveCase& one, const CollectiveSite& site, GroupCache& cache,
                    PreparedCase& prepared) {
  CollectiveChoice& choice = prepared.choice;
  const std::string reason = why_not(prepared.plans);
  if (reason.empty()) return;
  if (one.algorithm != Algorithm::automatic) {
    prepared.infeasible = reason;
    return;
  }
  for (const Algorithm algorithm : stand_ins(choice)) {
    std::vector<GroupPlan> plans =
        plans_of(one, request_of(one, algorithm, channels_of(one, algorithm, choice)), site, cache);
    if (!why_not(plans).empty()) continue;
    choice.warnings.push_back(
        fmt::format("{} was chosen but cannot be simulated here ({}): {} is, in its place",
                    to_text(choice.algorithm), reason, to_text(algorithm)));
    if (!choice.prediction) choice.algorithm = algorithm;
    prepared.plans = std::move(plans);
    return;
  }
  prepared.infeasible = reason;
}

void predict_groups(const CollectiveCase& one, const CollectiveSite& site,
                    const CollectiveOptions& options, PreparedCase& prepared) {
  if (!prepared.choice.prediction) return;
  for (const std::vector<int>& group : one.groups) {
    collectives::TimeQuery query = time_query(one, group, site, options);
    query.algorithm = prepared.choice.algorithm;
    if (&group == &one.groups.front()) {
      prepared.predictions.push_back(*prepared.choice.prediction);
    } else if (auto prediction = site.model->predict(query)) {
      prepared.predictions.push_back(*std::move(prediction));
    } else {
      prepared.choice.unanswered = "one of the groups";
      prepared.choice.link_costs = link_costs_of(one, one.groups.front(), site, options);
      prepared.predictions.clear();
      return;
    }
  }
}

// What the model has no answer for runs on links that cost what the model found, so that its times
// can be compared with the model's. Costs of the first group stand for all.
void derate_links(const CollectiveSite& site, PreparedCase& prepared) {
  CollectiveChoice& choice = prepared.choice;
  if (choice.unanswered.empty()) return;
  if (choice.link_costs) {
    DeratedNetworks own;
    DeratedNetworks& cache = site.derated != nullptr ? *site.derated : own;
    prepared.derated = cache.at(site.cluster, site.network, *choice.link_costs);
  }
  if (!prepared.derated) {
    choice.link_costs.reset();
    choice.warnings.push_back(
        fmt::format("profile {} has no answer for {}: simulated on data-sheet links",
                    site.model->name(), choice.unanswered));
    return;
  }
  choice.protocol = choice.link_costs->protocol;
  choice.warnings.push_back(fmt::format(
      "profile {} has no answer for {}: simulated on links slowed to what the profile found for a "
      "ring on them, after its launch time; nobody measured this, so the band is wide",
      site.model->name(), choice.unanswered));
  if (!choice.link_costs->note.empty()) choice.warnings.push_back(choice.link_costs->note);
}

// Whether a chunk makes a pipeline of it, so that a best one exists.
bool pipelines(const ScheduleRequest& request) {
  switch (request.algorithm) {
    case Algorithm::tree:
    case Algorithm::double_binary_tree:
    case Algorithm::hierarchical:
    case Algorithm::in_network:
      return true;
    case Algorithm::ring:
      return request.op == collectives::Op::broadcast || request.op == collectives::Op::reduce;
    default:
      return false;
  }
}

bool ignores_chunks(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::recursive_doubling:
    case Algorithm::halving_doubling:
    case Algorithm::direct:
    case Algorithm::pairwise:
    case Algorithm::parameter_server:
      return true;
    default:
      return false;
  }
}

collectives::UniformFabric fabric_of(const GroupPlan& plan, const PreparedCase& prepared) {
  if (!prepared.derated) return plan.place->fabric;
  return collectives::uniform_fabric(prepared.derated->network, plan.place->placement,
                                     plan.request.ranks);
}

void choose_chunks(const CollectiveCase& one, PreparedCase& prepared) {
  const ScheduleRequest& first = prepared.plans.front().request;
  if (one.chunk) {
    if (ignores_chunks(first.algorithm)) {
      prepared.choice.warnings.push_back(
          fmt::format("chunk {} has no effect: {} sends every part in one message",
                      base::to_size_text(*one.chunk), to_text(first.algorithm)));
      return;
    }
    prepared.chunk_reason = base::to_size_text(*one.chunk) + ", as the scenario says";
    return;
  }
  if (!pipelines(first)) return;
  for (GroupPlan& plan : prepared.plans) {
    plan.request.chunk_bytes = collectives::best_chunk(plan.request, fabric_of(plan, prepared));
  }
  const auto chunk = static_cast<double>(first.chunk_bytes);
  prepared.chunk_reason = first.chunk_bytes > 0 ? base::to_size_text(base::Bytes(chunk)) +
                                                      ", the best of the closed form"
                                                : "one piece, the best of the closed form";
}

// A ring or tree of one channel passes every node by one NIC: right as stated, seldom what is
// meant.
void warn_of_idle_nics(const CollectiveCase& one, const CollectiveSite& site,
                       PreparedCase& prepared) {
  const int nics = site.cluster->node.nics.count;
  const std::vector<std::int32_t>& domain = prepared.plans.front().request.domain;
  const std::set<std::int32_t> domains(domain.begin(), domain.end());
  const bool crosses = domains.size() > 1 && domains.size() < domain.size();
  if (one.channels || one.algorithm == Algorithm::automatic || !has_own_channels(one.algorithm) ||
      !prepared.predictions.empty() || !crosses || nics < 2) {
    return;
  }
  prepared.choice.warnings.push_back(fmt::format(
      "{} with one channel passes every node by one of its {} NICs; channels: {} uses all",
      to_text(one.algorithm), nics, nics));
}

}  // namespace

PreparedCase prepare(const CollectiveCase& one, const CollectiveSite& site,
                     const CollectiveOptions& options) {
  PreparedCase prepared;
  prepared.infeasible = wrong_groups(one, site.network.gpu_count());
  if (!prepared.infeasible.empty()) return prepared;
  if (site.groups == nullptr) prepared.own_groups = std::make_unique<GroupCache>();
  GroupCache& cache = site.groups != nullptr ? *site.groups : *prepared.own_groups;
  prepared.choice = choose(one, site, options);
  const Algorithm algorithm = prepared.choice.algorithm;
  prepared.plans = plans_of(
      one, request_of(one, algorithm, channels_of(one, algorithm, prepared.choice)), site, cache);
  replace_choice(one, site, cache, prepared);
  if (!prepared.infeasible.empty()) return prepared;
  predict_groups(one, site, options, prepared);
  derate_links(site, prepared);
  warn_of_idle_nics(one, site, prepared);
  choose_chunks(one, prepared);
  return prepared;
}

bool wants_tables(const CollectiveOptions& options) {
  return options.timeline_rows > 0 || options.link_rows > 0;
}

bool takes_engine(const PreparedCase& prepared, const CollectiveOptions& options) {
  if (!prepared.infeasible.empty()) return false;
  return prepared.predictions.empty() || prepared.plans.size() > 1 || wants_tables(options);
}

}  // namespace windtunnel::strategies
