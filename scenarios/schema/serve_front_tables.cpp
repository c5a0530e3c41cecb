// Tables of what is in front of a serving engine and around it: router, front end, failures,
// pruning.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;

Type time_or_never(std::string doc) {
  return or_keyword(quantity_type(Dimension::time, {.minimum = 0, .exclusive_minimum = true}),
                    {{"none", std::move(doc)}});
}

}  // namespace

const Structure& router_structure() {
  using strategies::Router;
  using strategies::RouterPolicy;
  static const Structure kTable = finished(
      {.name = "strategy.router",
       .doc = "Which replica takes a request. A bare word is its `policy`.",
       .fields = {bound_choice(&Router::policy,
                               Words<RouterPolicy>{
                                   {RouterPolicy::round_robin, {"round_robin", "in turn"}},
                                   {RouterPolicy::least_loaded,
                                    {"least_loaded", "fewest waiting and running"}},
                                   {RouterPolicy::least_kv, {"least_kv", "most free KV blocks"}},
                                   {RouterPolicy::prefix_aware,
                                    {"prefix_aware", "longest cached beginning"}},
                                   {RouterPolicy::random, {"random", ""}},
                                   {RouterPolicy::power_of_two,
                                    {"power_of_two", "the lesser loaded of two drawn"}}},
                               {.name = "policy", .fallback = "round_robin", .doc = "of choosing"}),
                  bound(&Router::staleness,
                        {.name = "staleness",
                         .type = quantity_type(Dimension::time),
                         .fallback = "0s",
                         .doc = "loads are seen as they were at the last multiple of this"})},
       .short_for = "policy"});
  return kTable;
}

const Structure& replica_failures_structure() {
  using strategies::ReplicaFailures;
  static const Structure kTable = finished(
      {.name = "strategy.failures",
       .doc = "A replica that fails loses its cache; its requests start again elsewhere.",
       .fields = {bound(&ReplicaFailures::mtbf, {.name = "mtbf",
                                                 .type = time_or_never("no failures"),
                                                 .fallback = "none",
                                                 .doc = "mean time between failures of a replica, "
                                                        "exponential"}),
                  bound(&ReplicaFailures::repair, {.name = "repair",
                                                   .type = quantity_type(Dimension::time),
                                                   .fallback = "300s",
                                                   .doc = "until it serves again"})}});
  return kTable;
}

const Structure& front_end_structure() {
  using strategies::FrontEnd;
  using strategies::Protocol;
  static const Structure kTable = finished(
      {.name = "strategy.front_end",
       .doc = "Between client and engine. Where it is given, TTFT and e2e are the client's.",
       .fields = {bound_choice(&FrontEnd::protocol,
                               Words<Protocol>{{Protocol::none, {"none", "in process"}},
                                               {Protocol::rest, {"rest", "HTTP and JSON"}},
                                               {Protocol::grpc, {"grpc", "HTTP/2, protobuf"}}},
                               {.name = "protocol", .fallback = "none", .doc = "of requests"}),
                  bound(&FrontEnd::overhead, {.name = "overhead",
                                              .type = quantity_type(Dimension::time),
                                              .fallback = "0s",
                                              .doc = "of a request, on top of the protocol's"}),
                  bound(&FrontEnd::network, {.name = "network",
                                             .type = quantity_type(Dimension::time),
                                             .fallback = "0s",
                                             .doc = "one way"})}});
  return kTable;
}

const Structure& pruning_structure() {
  using strategies::Pruning;
  static const Structure kTable = finished(
      {.name = "strategy.pruning",
       .doc = "Structured pruning.",
       .fields = {bound(&Pruning::two_four, {.name = "two_four",
                                             .type = boolean_type(),
                                             .fallback = "false",
                                             .doc = "2:4 sparse weights on sparse tensor cores"}),
                  bound(&Pruning::layers_removed, {.name = "layers_removed",
                                                   .type = integer_type(0, 10000),
                                                   .fallback = "0",
                                                   .doc = "whole layers"})}});
  return kTable;
}

}  // namespace windtunnel::scenarios
