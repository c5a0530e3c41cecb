// Tables of `search`, which the verb plan uses.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {

const Structure& search_goal_structure() {
  static const Structure kTable = finished(
      {.name = "search.objective",
       .doc = "A fact and which way is better. A bare word is its `fact`.",
       .fields = {bound(&GoalWords::fact, {.name = "fact",
                                           .type = text_type(),
                                           .required = true,
                                           .doc = "iteration_time_s, cost_per_iteration_usd, ..."}),
                  bound_choice(
                      &GoalWords::direction,
                      Words<GoalDirection>{
                          {GoalDirection::automatic,
                           {"auto", "rates and utilisation higher, all else lower"}},
                          {GoalDirection::minimize, {"minimize", ""}},
                          {GoalDirection::maximize, {"maximize", ""}}},
                      {.name = "direction", .fallback = "auto", .doc = "which values are better"})},
       .short_for = "fact"});
  return kTable;
}

const Structure& search_structure() {
  static const Structure kTable = [] {
    const Type anything = type_of_kind(TypeKind::anything);
    Type share = type_of_kind(TypeKind::percentage);
    share.limits = {.minimum = 0, .maximum = 1};
    return finished(
        {.name = "search",
         .doc = "What the verb `plan` searches; `run` leaves it alone and "
                "simulates the scenario as "
                "it stands. Every combination of `vary` is a candidate. A "
                "serve workload without "
                "`vary`: the highest rate that meets `workload.slo`; with it, "
                "and a rate and an "
                "SLO: the cheapest that meets them.",
         .fields = {
             {.name = "vary",
              .type = map_type(anything),
              .doc = "path: list of values, or `auto`: the sizes that go with "
                     "cluster and model, "
                     "all words of a field that is one of some words. Inside "
                     "`zip`, lists that "
                     "move together. A train workload without it: tensor, "
                     "pipeline, micro_batch, "
                     "recompute and zero"},
             {.name = "objective",
              .type = structure_type(search_goal_structure),
              .doc = "the fact that candidates are ranked by; default: "
                     "iteration_time_s; of a "
                     "serve workload the cost an hour, or the highest rate"},
             {.name = "constraints",
              .type = map_type(list_type(text_type())),
              .doc = "fact: what it has to be, as \"<= 75GiB\"; several for "
                     "one fact: a list"},
             {.name = "pareto",
              .type = list_type(structure_type(search_goal_structure), 2),
              .doc = "two or more facts: the candidates that none is better "
                     "than in all of them"},
             bound(&SearchNumbers::top, {.name = "top",
                                         .type = integer_type(1, 10000),
                                         .fallback = "20",
                                         .doc = "candidates that become cases of the result"}),
             bound(&SearchNumbers::share, {.name = "share",
                                           .type = std::move(share),
                                           .fallback = "99%",
                                           .doc = "serve: of the requests that have to meet "
                                                  "`workload.slo`"})}});
  }();
  return kTable;
}

}  // namespace windtunnel::scenarios
