// Tables of the scenario itself: its head, engine and expectations.
#include <algorithm>

#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/model_table.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using sim::EngineKind;

std::vector<Field> head_fields() {
  return {
      bound(&ScenarioHead::schema,
            {.name = "schema",
             .type = choice_type({{"windtunnel/1", "this version of the format"}}),
             .fallback = "windtunnel/1",
             .doc = "version of the format"}),
      bound(&ScenarioHead::name, {.name = "name",
                                  .type = text_type(),
                                  .doc = "what results call it; default: the name of the file"}),
      bound(&ScenarioHead::description,
            {.name = "description", .type = text_type(), .doc = "one line for people"}),
      {.name = "cluster",
       .type = either_type(
           {structure_type(platform_import_structure), structure_type(cluster_structure)}),
       .required = true,
       .doc = "the machine"},
      {.name = "workload",
       .type = either_type({structure_type(train_structure), structure_type(serve_structure),
                            structure_type(mix_structure), structure_type(collective_structure)}),
       .required = true,
       .doc = "what runs on it"},
      bound(
          &ScenarioHead::calibration,
          {.name = "calibration",
           .type = or_keyword(path_type(), {{"auto", "the profile of the cluster's GPU"}}),
           .fallback = "auto",
           .doc =
               "a profile by name or by a path ending in .yaml; `none`: data-sheet bandwidths and "
               "latencies exactly as the cluster states them"}),
      {.name = "model",
       .type = structure_type(model_structure),
       .doc = "what is trained or served"},
      {.name = "strategy",
       .type = either_type(
           {structure_type(strategy_structure), structure_type(serve_strategy_structure)}),
       .doc = "how the work is laid out; for train and serve, each its own"},
      bound(&ScenarioHead::engine, {.name = "engine",
                                    .type = structure_type(engine_structure),
                                    .fallback = "{}",
                                    .doc = "what simulates it"}),
  };
}

std::vector<Field> study_fields() {
  const Type anything = type_of_kind(TypeKind::anything);
  return {
      {.name = "sweep",
       .type = map_type(anything),
       .doc = "path: list of values; the cartesian product of all. Inside `zip`, lists that move "
              "together"},
      {.name = "expect",
       .type = map_type(list_type(structure_type(expectation_structure))),
       .doc = "fact: what it has to be; checked after the run"},
      {.name = "search",
       .type = structure_type(search_structure),
       .doc = "what the verb plan varies, and what it is after"},
  };
}

}  // namespace

const Structure& scenario_structure() {
  static const Structure kTable = [] {
    Structure table{.name = "", .doc = "A scenario: one experiment, or a sweep of them."};
    for (auto* fields : {head_fields, study_fields}) {
      for (Field& field : fields()) table.fields.push_back(std::move(field));
    }
    return finished(std::move(table));
  }();
  return kTable;
}

namespace {

// The same, where what is laid out is requests.
const Structure& serve_scenario_structure() {
  static const Structure kTable = [] {
    Structure table = scenario_structure();
    for (Field& field : table.fields) {
      if (field.name == "strategy") field.type = structure_type(serve_strategy_structure);
    }
    return finished(std::move(table));
  }();
  return kTable;
}

}  // namespace

Type scenario_type(const Node& root) {
  const Node* workload = root.find("workload");
  const Node* kind = workload == nullptr ? nullptr : workload->find("kind");
  const bool serves = kind != nullptr && kind->kind == NodeKind::scalar &&
                      kind->text == serve_structure().selected_kind;
  return structure_type(serves ? serve_scenario_structure : scenario_structure);
}

const Structure& engine_structure() {
  static const Structure kTable = finished(
      {.name = "engine",
       .doc = "What simulates the scenario. A bare word is its `kind`.",
       .fields =
           {bound_choice(
                &EngineChoice::kind,
                Words<EngineKind>{
                    {EngineKind::automatic,
                     {"auto",
                      "collective: simgrid where links are shared, else analytic; train, serve "
                      "and mix: analytic"}},
                    {EngineKind::analytic,
                     {"analytic",
                      "own event heap; of collective and train with endpoint ports only, of serve "
                      "and mix with every link shared max-min fair"}},
                    {EngineKind::simgrid, {"simgrid", "SimGrid's flow model, every link shared"}}},
                {.name = "kind", .fallback = "auto", .doc = "which engine"}),
            bound(&EngineChoice::seed, {.name = "seed",
                                        .type = integer_type(0, 9007199254740992.0),
                                        .fallback = "1",
                                        .doc = "of all random numbers"}),
            bound_choice(
                &EngineChoice::ranks,
                Words<RankChoice>{
                    {RankChoice::automatic,
                     {"auto", "every rank on simgrid, else one of each stage"}},
                    {RankChoice::representative,
                     {"representative",
                      "one rank of each pipeline stage: the others are "
                      "alike; not on simgrid"}},
                    {RankChoice::every, {"every", "all ranks, with the messages between them"}}},
                {.name = "ranks",
                 .fallback = "auto",
                 .doc = "train only: which ranks of an iteration are simulated"})},
       .short_for = "kind"});
  return kTable;
}

const Structure& expectation_structure() {
  static const Structure kTable = finished(
      {.name = "expect.FACT",
       .doc = "What a fact has to be: `value` within `tolerance`, or between `min` and `max`. A "
              "bare number "
              "is in SI units; a quantity has its own. Several for one fact: a list.",
       .fields =
           {{.name = "value",
             .type = type_of_kind(TypeKind::amount),
             .doc = "the published figure"},
            bound(&Expectation::tolerance, {.name = "tolerance",
                                            .type =
                                                [] {
                                                  Type type = type_of_kind(TypeKind::percentage);
                                                  type.limits = {.minimum = 0};
                                                  return type;
                                                }(),
                                            .doc = "of `value`, relative: 10% or 0.1; default 1%"}),
            {.name = "min", .type = type_of_kind(TypeKind::amount), .doc = "at least"},
            {.name = "max", .type = type_of_kind(TypeKind::amount), .doc = "at most"},
            bound(&Expectation::source,
                  {.name = "source", .type = text_type(), .doc = "where the figure is published"}),
            {.name = "when",
             .type = map_type(type_of_kind(TypeKind::anything)),
             .doc = "path: value; holds only for the cases that have these values"}},
       .short_for = "value"});
  return kTable;
}

std::vector<const Structure*> all_structures() {
  std::vector<const Structure*> all{&scenario_structure(),      &cluster_structure(),
                                    &node_structure(),          &gpu_structure(),
                                    &scale_up_structure(),      &nics_structure(),
                                    &fabric_structure(),        &cost_structure(),
                                    &node_override_structure(), &platform_import_structure(),
                                    &collective_structure(),    &size_range_structure(),
                                    &train_structure(),         &fine_tuning_structure(),
                                    &data_loading_structure(),  &checkpointing_structure(),
                                    &strategy_structure(),      &train_overlap_structure(),
                                    &engine_structure(),        &expectation_structure()};
  const std::vector<const Structure*> faults = fault_structures();
  all.insert(std::find(all.begin(), all.end(), &platform_import_structure()), faults.begin(),
             faults.end());
  const std::vector<const Structure*> models = model_structures();
  all.insert(all.end() - 2, models.begin(), models.end());
  const std::vector<const Structure*> serving = serve_structures();
  all.insert(all.end() - 2, serving.begin(), serving.end());
  all.insert(all.end() - 2, {&mix_structure(), &mixed_train_structure(), &mixed_serve_structure()});
  all.insert(all.end(), {&search_structure(), &search_goal_structure()});
  return all;
}

}  // namespace windtunnel::scenarios
