// Tables of `workload.kind: serve`.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using strategies::ArrivalProcess;
using strategies::Arrivals;
using strategies::Conversations;
using strategies::ServeMode;
using strategies::ServeWorkload;
using strategies::SharedPrefix;
using strategies::Slo;

constexpr double kMostTokens = 16777216;
constexpr double kMostRequests = 1e9;

Words<ArrivalProcess> process_words() {
  return {
      {ArrivalProcess::poisson, {"poisson", "independent arrivals at `rate`"}},
      {ArrivalProcess::gamma, {"gamma", "gaps of coefficient of variation `variation`"}},
      {ArrivalProcess::constant, {"constant", "one every 1/rate"}},
      {ArrivalProcess::burst, {"burst", "`burst_requests` at once, `rate` on average"}},
      {ArrivalProcess::diurnal, {"diurnal", "Poisson whose rate swings by `swing` over `period`"}},
      {ArrivalProcess::all_at_once, {"all_at_once", "all at time 0"}},
      {ArrivalProcess::closed_loop,
       {"closed_loop", "`concurrency` clients, each sends its next as the last is answered"}},
      {ArrivalProcess::single_stream,
       {"single_stream", "MLPerf SingleStream: one client, one sample a query"}},
      {ArrivalProcess::multi_stream,
       {"multi_stream", "MLPerf MultiStream: one client, `query_samples` samples a query"}},
      {ArrivalProcess::server, {"server", "MLPerf Server: Poisson at `rate`"}},
      {ArrivalProcess::offline, {"offline", "MLPerf Offline: one query with all samples"}}};
}

Field lengths_field(std::string name, strategies::Lengths LengthPair::*member, std::string doc) {
  return bound_by<LengthPair>(
      [member](const Node& node, LengthPair& pair) { pair.*member = lengths_from(node); },
      {.name = std::move(name),
       .type = structure_type(length_structure),
       .fallback = "1",
       .doc = std::move(doc)});
}

Type limit_type() {
  return or_keyword(quantity_type(Dimension::time, {.minimum = 0, .exclusive_minimum = true}),
                    {{"none", "no limit"}});
}

Field trace_field() {
  return {.name = "trace",
          .type = path_type(),
          .doc =
              "requests to replay, a path ending in .csv or .jsonl: columns "
              "arrival_s,input_tokens,output_tokens[,prefix_id,prefix_tokens], or the public "
              "Azure, Mooncake, BurstGPT or Vidur formats, told apart by their header. Takes "
              "the place of `lengths`, and of `arrivals` where those state no rate"};
}

std::vector<Field> workload_fields() {
  return {
      {.name = "kind",
       .type = choice_type({{"serve", "requests answered by a trained model"}}),
       .required = true,
       .doc = "what runs on the cluster"},
      bound_choice(&ServeWorkload::mode,
                   Words<ServeMode>{{ServeMode::online, {"online", "requests come over time"}},
                                    {ServeMode::offline, {"offline", "all are there at time 0"}}},
                   {.name = "mode", .fallback = "online", .doc = "real-time or batch serving"}),
      bound(&ServeWorkload::arrivals, {.name = "arrivals",
                                       .type = structure_type(arrivals_structure),
                                       .fallback = "{}",
                                       .doc = "when requests come"}),
      {.name = "lengths",
       .type = structure_type(lengths_structure),
       .doc = "of requests, in tokens; required for a model of tokens without a trace"},
      trace_field(),
      bound(&ServeWorkload::shared_prefix, {.name = "shared_prefix",
                                            .type = structure_type(shared_prefix_structure),
                                            .fallback = "{}",
                                            .doc = "beginnings that inputs have in common"}),
      bound(&ServeWorkload::conversations, {.name = "conversations",
                                            .type = structure_type(conversations_structure),
                                            .fallback = "{}",
                                            .doc = "turns that build on each other"}),
      bound(&ServeWorkload::slo, {.name = "slo",
                                  .type = structure_type(slo_structure),
                                  .fallback = "{}",
                                  .doc = "what a request has to meet to count as good"}),
      bound(
          &ServeWorkload::warmup_requests,
          {.name = "warmup_requests",
           .type = integer_type(0, kMostRequests),
           .fallback = "0",
           .doc = "the first so many are served and not measured: latencies, throughput, tokens a "
                  "second, goodput and SLO attainment are of the others, from the first arrival "
                  "of theirs to their last answer; requests, completed and rejected are of all"}),
      bound(&ServeWorkload::repeated_share,
            {.name = "repeated_share",
             .type = number_type({.minimum = 0, .maximum = 1}),
             .fallback = "0",
             .doc = "of requests that ask what one before has asked, for a response cache"}),
      bound(
          &ServeWorkload::priority_shares,
          {.name = "priority_shares",
           .type = list_type(number_type({.minimum = 0, .maximum = 1})),
           .fallback = "[]",
           .doc = "shares of requests of priority 1 (highest), 2, ...; []: the default priority"}),
      bound(
          &ServeWorkload::horizon,
          {.name = "horizon",
           .type =
               or_keyword(quantity_type(Dimension::time, {.minimum = 0, .exclusive_minimum = true}),
                          {{"none", "until all are answered"}}),
           .fallback = "none",
           .doc = "the simulation stops here; what came and is not answered is in flight, what has "
                  "not come is not counted"}),
  };
}

std::vector<Field> arrivals_fields() {
  return {bound_choice(&Arrivals::process, process_words(),
                       {.name = "process", .fallback = "poisson", .doc = "of arrivals"}),
          bound(&Arrivals::rate,
                {.name = "rate",
                 .type = quantity_type(Dimension::rate, {.minimum = 0, .exclusive_minimum = true}),
                 .doc = "of requests (of conversations, where there are any); "
                        "required by poisson, gamma, constant, burst, diurnal and "
                        "server"}),
          bound(&Arrivals::requests, {.name = "requests",
                                      .type = integer_type(1, kMostRequests),
                                      .fallback = "1000",
                                      .doc = "all of them, turns of conversations too"}),
          bound(&Arrivals::variation,
                {.name = "variation",
                 .type = number_type({.minimum = 0, .maximum = 100, .exclusive_minimum = true}),
                 .fallback = "1",
                 .doc = "of gamma: standard deviation of the gaps over their mean; 1 is Poisson"}),
          bound(&Arrivals::burst_requests, {.name = "burst_requests",
                                            .type = integer_type(1, kMostRequests),
                                            .fallback = "1",
                                            .doc = "of burst: so many at once"}),
          bound(&Arrivals::swing, {.name = "swing",
                                   .type = number_type({.minimum = 0, .maximum = 1}),
                                   .fallback = "0.5",
                                   .doc = "of diurnal: the rate goes between (1 - swing) and "
                                          "(1 + swing) times the mean"}),
          bound(&Arrivals::period,
                {.name = "period",
                 .type = quantity_type(Dimension::time, {.minimum = 0, .exclusive_minimum = true}),
                 .fallback = "24h",
                 .doc = "of diurnal"}),
          bound(&Arrivals::concurrency, {.name = "concurrency",
                                         .type = integer_type(1, kMostTokens),
                                         .doc = "of closed_loop, required there: clients"}),
          bound(&Arrivals::query_samples, {.name = "query_samples",
                                           .type = integer_type(1, kMostTokens),
                                           .fallback = "8",
                                           .doc = "of multi_stream: samples answered together"})};
}

}  // namespace

std::vector<const Structure*> serve_structures() {
  std::vector<const Structure*> all{&serve_structure(), &arrivals_structure(),
                                    &lengths_structure()};
  for (const Structure* one : length_structures()) all.push_back(one);
  for (auto* one :
       {shared_prefix_structure, conversations_structure, slo_structure, serve_strategy_structure,
        batching_structure, queue_structure, kv_structure, router_structure, disaggregate_structure,
        speculative_structure, autoscale_structure, replica_failures_structure, front_end_structure,
        pruning_structure, pool_structure}) {
    all.push_back(&one());
  }
  return all;
}

const Structure& serve_structure() {
  static const Structure kTable =
      finished({.name = "workload (serve)",
                .doc = "Kind `serve`: requests to a trained model, answered in time.",
                .fields = workload_fields(),
                .selected_kind = "serve"});
  return kTable;
}

const Structure& arrivals_structure() {
  static const Structure kTable = finished(
      {.name = "workload.arrivals", .doc = "When requests come.", .fields = arrivals_fields()});
  return kTable;
}

const Structure& lengths_structure() {
  static const Structure kTable = finished(
      {.name = "workload.lengths",
       .doc = "Tokens of requests, drawn for each on its own. A model of no tokens takes 1.",
       .fields = {lengths_field("input", &LengthPair::input, "tokens of a prompt"),
                  lengths_field("output", &LengthPair::output, "tokens of an answer")}});
  return kTable;
}

const Structure& shared_prefix_structure() {
  static const Structure kTable = finished(
      {.name = "workload.shared_prefix",
       .doc = "Each input begins with the prefix of one of the groups (system prompts, documents).",
       .fields = {bound(&SharedPrefix::tokens, {.name = "tokens",
                                                .type = integer_type(0, kMostTokens),
                                                .fallback = "0",
                                                .doc = "of a prefix; 0: none"}),
                  bound(&SharedPrefix::groups, {.name = "groups",
                                                .type = integer_type(1, kMostRequests),
                                                .fallback = "1",
                                                .doc = "different prefixes, each as likely"})}});
  return kTable;
}

const Structure& conversations_structure() {
  static const Structure kTable = finished(
      {.name = "workload.conversations",
       .doc = "A turn's input is all of the turn before and what `lengths.input` adds.",
       .fields = {bound(&Conversations::turns, {.name = "turns",
                                                .type = integer_type(1, 100000),
                                                .fallback = "1",
                                                .doc = "of a conversation; 1: none"}),
                  bound(&Conversations::think,
                        {.name = "think",
                         .type = quantity_type(Dimension::time),
                         .fallback = "0s",
                         .doc = "mean time from an answer to the next turn, exponential"})}});
  return kTable;
}

const Structure& slo_structure() {
  static const Structure kTable = finished(
      {.name = "workload.slo",
       .doc = "Limits on one request; all that are given have to hold (`slo_attainment`, "
              "`goodput_per_s`).",
       .fields = {
           bound(&Slo::ttft,
                 {.name = "ttft", .type = limit_type(), .fallback = "none", .doc = "first token"}),
           bound(&Slo::tpot, {.name = "tpot",
                              .type = limit_type(),
                              .fallback = "none",
                              .doc = "mean time of a token after the first"}),
           bound(&Slo::e2e, {.name = "e2e",
                             .type = limit_type(),
                             .fallback = "none",
                             .doc = "the whole answer"})}});
  return kTable;
}

}  // namespace windtunnel::scenarios
