// Tables of `workload.kind: mix`: its jobs, each with the workload and strategy of its kind.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/model_table.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;

constexpr double kMostIterations = 1'000'000;

std::vector<Field> place_fields() {
  const Type indices = type_of_kind(TypeKind::index_list);
  return {
      bound(&MixedJob::name, {.name = "name",
                              .type = text_type(),
                              .required = true,
                              .doc = "what facts of the job begin with: NAME.iteration_time_s"}),
      {.name = "nodes",
       .type = or_keyword(indices, {{"all", "every node of the cluster"}}),
       .fallback = "all",
       .doc = "the nodes that the job has GPUs of"},
      {.name = "gpus",
       .type = or_keyword(indices, {{"all", "every GPU of a node"}}),
       .fallback = "all",
       .doc = "its GPUs of each of these nodes; a GPU belongs to one job"},
      bound(&MixedJob::start, {.name = "start",
                               .type = quantity_type(Dimension::time),
                               .fallback = "0s",
                               .doc = "when the job begins: its first iteration, or time 0 of its "
                                      "arrivals"}),
  };
}

Structure job_table(const char* name, const char* doc, Type workload, Type strategy) {
  Structure table{.name = name, .doc = doc};
  for (Field& field : place_fields()) table.fields.push_back(std::move(field));
  table.fields.push_back({.name = "workload",
                          .type = std::move(workload),
                          .required = true,
                          .doc = "what it does; of kind train or serve"});
  table.fields.push_back({.name = "model",
                          .type = structure_type(model_structure),
                          .required = true,
                          .doc = "what is trained or served"});
  table.fields.push_back({.name = "strategy",
                          .type = std::move(strategy),
                          .fallback = "{}",
                          .doc = "how it is laid out on its GPUs"});
  return table;
}

}  // namespace

const Structure& mixed_train_structure() {
  static const Structure kTable = [] {
    Structure table =
        job_table("workload.jobs[] (train)",
                  "A training job of a mix. Its data-parallel size `auto` is what its GPUs leave.",
                  structure_type(train_structure), structure_type(strategy_structure));
    table.fields.push_back(
        bound(&MixedJob::iterations,
              {.name = "iterations",
               .type = or_keyword(integer_type(1, kMostIterations),
                                  {{"auto", "as long as requests are served; 4 without serving"}}),
               .fallback = "auto",
               .doc = "at least so many after the last job has started"}));
    return finished(std::move(table));
  }();
  return kTable;
}

const Structure& mixed_serve_structure() {
  static const Structure kTable = [] {
    Structure table =
        job_table("workload.jobs[] (serve)", "A serving job of a mix.",
                  structure_type(serve_structure), structure_type(serve_strategy_structure));
    table.selected_by = "workload";
    table.selected_kind = "serve";
    return finished(std::move(table));
  }();
  return kTable;
}

const Structure& mix_structure() {
  static const Structure kTable = finished(
      {.name = "workload (mix)",
       .doc = "Kind `mix`: several jobs on one cluster at the same time, each slowed by the links "
              "that it shares. A job's facts are those of its kind under its name "
              "(`NAME.iteration_time_s`, `NAME.ttft_p50_s`), `NAME.alone_...` what they are "
              "without the others, and `NAME.slowdown`: mean iteration time (train) or mean e2e "
              "latency (serve), with the others over alone. Training goes on while requests are "
              "served, and is measured over the iterations that lie wholly in the time in which "
              "all jobs run.",
       .fields = {{.name = "kind",
                   .type = choice_type({{"mix", "several jobs on one cluster"}}),
                   .required = true,
                   .doc = "what runs on the cluster"},
                  {.name = "jobs",
                   .type = list_type(either_type({structure_type(mixed_serve_structure),
                                                  structure_type(mixed_train_structure)}),
                                     1),
                   .required = true,
                   .doc = "each on GPUs of its own"}},
       .selected_kind = "mix"});
  return kTable;
}

}  // namespace windtunnel::scenarios
