// Tables of what is slow and what breaks: `cluster.stragglers` and `cluster.failures`.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using sim::Jitter;
using sim::JitterKind;
using sim::JitterPeriod;
using sim::RandomSlow;
using sim::SlowPart;
using sim::Stragglers;

constexpr Limits kSlower{.minimum = 1, .maximum = 1000};

Field indices_field(std::string name, std::vector<int> SlowPart::*member, std::string doc) {
  return bound_by<SlowPart>(
      [member](const Node& node, SlowPart& part) {
        part.*member = {};
        if (node.kind != NodeKind::sequence) {
          part.*member = checked_indices(node);
          return;
        }
        for (const Node& item : node.items) {
          const std::vector<int> some = checked_indices(item);
          (part.*member).insert((part.*member).end(), some.begin(), some.end());
        }
      },
      {.name = std::move(name), .type = type_of_kind(TypeKind::index_list), .doc = std::move(doc)});
}

Type share_type() {
  Type type = type_of_kind(TypeKind::percentage);
  type.limits = {.minimum = 0, .maximum = 1};
  return type;
}

const Structure& slow_part_structure() {
  static const Structure kTable = finished(
      {.name = "cluster.stragglers.slow[]",
       .doc = "Some nodes, or some GPUs counted over the cluster; one of `nodes` and `gpus`.",
       .fields = {
           indices_field("nodes", &SlowPart::nodes, "numbers or ranges: 3, [0-1, 7]"),
           indices_field("gpus", &SlowPart::gpus, "numbers or ranges over the whole cluster"),
           bound(&SlowPart::slowdown, {.name = "slowdown",
                                       .type = number_type(kSlower),
                                       .fallback = "1",
                                       .doc = "what they compute takes so many times as long"}),
           bound(&SlowPart::nic_share,
                 {.name = "nic_share",
                  .type = number_type({.minimum = 0.001, .maximum = 1}),
                  .fallback = "1",
                  .doc = "of the bandwidth of the nodes' NICs that is left"})}});
  return kTable;
}

const Structure& random_slow_structure() {
  static const Structure kTable = finished(
      {.name = "cluster.stragglers.random",
       .doc = "Each GPU is slow with this probability; the seed decides which are.",
       .fields = {
           bound(&RandomSlow::share,
                 {.name = "share", .type = share_type(), .fallback = "0", .doc = "of all GPUs"}),
           bound(&RandomSlow::slowdown,
                 {.name = "slowdown",
                  .type = number_type(kSlower),
                  .fallback = "1",
                  .doc = "what they compute takes so many times as long"})}});
  return kTable;
}

const Structure& jitter_structure() {
  static const Structure kTable = finished(
      {.name = "cluster.stragglers.jitter",
       .doc = "A pass of a GPU takes 1 + X times its time, X drawn for each GPU.",
       .fields = {
           bound_choice(
               &Jitter::kind,
               Words<JitterKind>{{JitterKind::none, {"none", "X = 0"}},
                                 {JitterKind::exponential, {"exponential", "of mean `mean`"}},
                                 {JitterKind::uniform, {"uniform", "between 0 and twice `mean`"}},
                                 {JitterKind::log_normal,
                                  {"lognormal", "of mean `mean` and `sigma`: a heavy tail"}}},
               {.name = "distribution", .fallback = "none", .doc = "of X"}),
           bound(&Jitter::mean,
                 {.name = "mean", .type = share_type(), .fallback = "0", .doc = "of X, as 2%"}),
           bound(&Jitter::sigma, {.name = "sigma",
                                  .type = number_type({.minimum = 0.01, .maximum = 5}),
                                  .fallback = "1",
                                  .doc = "lognormal: standard deviation of ln X"}),
           bound_choice(&Jitter::each,
                        Words<JitterPeriod>{
                            {JitterPeriod::pass, {"pass", "a new X for each pass: noise"}},
                            {JitterPeriod::step, {"step", "one X a step: a GPU's bad moment"}}},
                        {.name = "each", .fallback = "pass", .doc = "how often X is drawn"})}});
  return kTable;
}

}  // namespace

const Structure& stragglers_structure() {
  static const Structure kTable = finished(
      {.name = "cluster.stragglers",
       .doc = "What is slower than its data sheet says. Training: ranks that work together wait "
              "for the slowest.",
       .fields = {bound(&Stragglers::slow, {.name = "slow",
                                            .type = list_type(structure_type(slow_part_structure)),
                                            .fallback = "[]",
                                            .doc = "nodes or GPUs that are always slow"}),
                  bound(&Stragglers::random, {.name = "random",
                                              .type = structure_type(random_slow_structure),
                                              .fallback = "{}",
                                              .doc = "a share of the GPUs, drawn"}),
                  bound(&Stragglers::jitter, {.name = "jitter",
                                              .type = structure_type(jitter_structure),
                                              .fallback = "{}",
                                              .doc = "times that differ from pass to pass"})}});
  return kTable;
}

const Structure& failures_structure() {
  using sim::Failures;
  const auto mtbf = [](base::Seconds Failures::*member, std::string name, std::string of) {
    return bound(member,
                 {.name = std::move(name),
                  .type = or_keyword(
                      quantity_type(Dimension::time, {.minimum = 0, .exclusive_minimum = true}),
                      {{"none", "no failures"}}),
                  .fallback = "none",
                  .doc = "mean time between failures of " + of + ", exponential"});
  };
  static const Structure kTable = finished(
      {.name = "cluster.failures",
       .doc = "Failures end a training job, which starts again at its last checkpoint "
              "(`workload.checkpointing`).",
       .fields = {mtbf(&Failures::gpu_mtbf, "gpu_mtbf", "one GPU"),
                  mtbf(&Failures::node_mtbf, "node_mtbf", "one node (host, NICs, power)"),
                  bound(&Failures::restart,
                        {.name = "restart",
                         .type = quantity_type(Dimension::time),
                         .fallback = "5min",
                         .doc = "from a failure until the job computes again: noticed, replaced, "
                                "started; reading the checkpoint is added"})}});
  return kTable;
}

std::vector<const Structure*> fault_structures() {
  return {&stragglers_structure(), &slow_part_structure(), &random_slow_structure(),
          &jitter_structure(), &failures_structure()};
}

}  // namespace windtunnel::scenarios
