// Tables of `workload`: one a kind, as they are built.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using collectives::Algorithm;
using collectives::Op;
using collectives::Protocol;
using strategies::CollectiveWorkload;
using strategies::Lowering;

constexpr double kLargestSize = 1125899906842624.0;  // 1 PiB

Type whole_bytes_type() {
  Type type = quantity_type(Dimension::bytes, {.minimum = 1, .maximum = kLargestSize});
  type.whole = true;
  return type;
}

Field op_field() {
  std::vector<Choice> words;
  for (const Op op : collectives::kOps) words.push_back({std::string(to_text(op)), ""});
  Type type = choice_type(std::move(words));
  type.canonical = [](std::string_view text) -> std::optional<std::string> {
    const auto op = collectives::op_from_text(text);
    return op ? std::optional(std::string(to_text(*op))) : std::nullopt;
  };
  return bound_by<CollectiveWorkload>(
      [](const Node& node, CollectiveWorkload& out) {
        for (const Node& item : node.items)
          out.ops.push_back(*collectives::op_from_text(item.text));
      },
      {.name = "op",
       .type = list_type(std::move(type), 1),
       .required = true,
       .doc = "the collective, or a list of them",
       .aliases = {"ops"}});
}

Field algorithms_field() {
  std::vector<Choice> words;
  for (const Algorithm algorithm : collectives::kAlgorithms) {
    words.push_back({std::string(to_text(algorithm)), std::string(description(algorithm))});
  }
  Type type = choice_type(std::move(words));
  type.canonical = [](std::string_view text) -> std::optional<std::string> {
    const auto algorithm = collectives::algorithm_from_text(text);
    return algorithm ? std::optional(std::string(to_text(*algorithm))) : std::nullopt;
  };
  return bound_by<CollectiveWorkload>(
      [](const Node& node, CollectiveWorkload& out) {
        for (const Node& item : node.items) {
          out.algorithms.push_back(*collectives::algorithm_from_text(item.text));
        }
      },
      {.name = "algorithms",
       .type = list_type(std::move(type), 1),
       .fallback = "[auto]",
       .doc = "each is a case of its own",
       .aliases = {"algorithm"}});
}

void read_sizes(const Node& node, CollectiveWorkload& out) {
  const Type bytes = whole_bytes_type();
  if (node.kind == NodeKind::sequence) {
    for (const Node& item : node.items) out.sizes.emplace_back(checked_number(item, bytes));
    return;
  }
  SizeRange range;
  bind_structure(size_range_structure(), node, &range);
  // Whole bytes, each once, `to` included where a power of the factor meets it.
  for (double size = range.from.value(); size <= range.to.value() * (1 + 1e-12);
       size *= range.factor) {
    const base::Bytes whole{std::floor(size + 0.5)};
    if (out.sizes.empty() || out.sizes.back() < whole) out.sizes.push_back(whole);
  }
}

Field sizes_field() {
  return bound_by<CollectiveWorkload>(
      read_sizes,
      {.name = "sizes",
       .type =
           either_type({list_type(whole_bytes_type(), 1), structure_type(size_range_structure)}),
       .fallback = "{from: 1KiB, to: 1GiB, factor: 2}",
       .doc = "of the larger of the two buffers of a rank, as in nccl-tests; a list or a range",
       .aliases = {"size"}});
}

// `ranks` and `groups` need the cluster: load.cpp turns them into GPU indices.
std::vector<Field> group_fields() {
  const Type indices = type_of_kind(TypeKind::index_list);
  return {
      {.name = "ranks",
       .type = or_keyword(indices, {{"all", "every GPU of the cluster"}}),
       .fallback = "all",
       .doc = "the GPUs that take part, in ring order"},
      {.name = "groups",
       .type = or_keyword(list_type(indices), {{"by_rail", "one group a rail: GPU r of every node"},
                                               {"by_node", "one group a node"}}),
       .fallback = "[]",
       .doc = "lists of GPUs, each doing the collective at the same time, with the fact "
              "`slowdown`; [] is "
              "one group of `ranks`. 0-127/8 is every eighth"}};
}

std::vector<Field> transport_fields() {
  return {
      bound(
          &CollectiveWorkload::root,
          {.name = "root",
           .type = integer_type(0, 1048575),
           .fallback = "0",
           .doc = "position in the group of the root of broadcast and reduce, and of the server of "
                  "parameter_server"}),
      bound(&CollectiveWorkload::channels,
            {.name = "channels",
             .type = or_keyword(integer_type(1, 64),
                                {{"auto", "as NCCL would with a profile, else 1"}}),
             .fallback = "auto",
             .doc = "parallel rings or trees that share the data"}),
      bound(&CollectiveWorkload::chunk,
            {.name = "chunk",
             .type = or_keyword(whole_bytes_type(), {{"auto", "the best of the closed form"}}),
             .fallback = "auto",
             .doc = "size of a pipelined piece"}),
      bound_choice(&CollectiveWorkload::protocol,
                   Words<Protocol>{{Protocol::automatic, {"auto", "as NCCL would"}},
                                   {Protocol::ll, {"ll", "4 bytes of data and 4 of flag"}},
                                   {Protocol::ll128, {"ll128", "120 bytes of data in 128"}},
                                   {Protocol::simple, {"simple", "whole chunks and fences"}}},
                   {.name = "protocol",
                    .type = {.canonical = [](std::string_view text) -> std::optional<std::string> {
                      const auto protocol = collectives::protocol_from_text(text);
                      return protocol ? std::optional(std::string(to_text(*protocol)))
                                      : std::nullopt;
                    }},
                    .fallback = "auto",
                    .doc = "NCCL's transport protocol"}),
      bound_choice(
          &CollectiveWorkload::lowering,
          Words<Lowering>{{Lowering::automatic, {"auto", "steps while that is cheap"}},
                          {Lowering::steps, {"steps", "every message is a transfer"}},
                          {Lowering::bulk, {"bulk", "one transfer an edge, of all its bytes"}}},
          {.name = "lowering", .fallback = "auto", .doc = "how a schedule becomes transfers"}),
      bound(&CollectiveWorkload::launch,
            {.name = "launch",
             .type = or_keyword(
                 choice_type({{"per_gpu_process", "one process a GPU"},
                              {"one_process_per_node", "one process drives all GPUs of a node"}}),
                 {{"auto", "not stated"}}),
             .fallback = "auto",
             .doc = "how the job is started, which sets the floor of small messages where a "
                    "profile knows it"}),
  };
}

}  // namespace

const Structure& size_range_structure() {
  static const Structure kTable = finished(
      {.name = "workload.sizes",
       .doc = "Sizes in a geometric row.",
       .fields = {
           bound(&SizeRange::from,
                 {.name = "from", .type = whole_bytes_type(), .required = true, .doc = "first"}),
           bound(&SizeRange::to,
                 {.name = "to", .type = whole_bytes_type(), .required = true, .doc = "last"}),
           bound(&SizeRange::factor, {.name = "factor",
                                      .type = number_type({.minimum = 1.001, .maximum = 1e6}),
                                      .fallback = "2",
                                      .doc = "of one size to the one before"})}});
  return kTable;
}

const Structure& collective_structure() {
  static const Structure kTable = [] {
    Structure table{.name = "workload",
                    .doc = "Kind `collective`: every (op, algorithm, size) is a case of its own."};
    table.fields.push_back(
        {.name = "kind",
         .type = choice_type({{"collective", "collective operations, as nccl-tests runs them"},
                              {"train", "iterations of training"},
                              {"serve", "requests answered by a trained model"},
                              {"mix", "several of train and serve on one cluster"}}),
         .required = true,
         .doc = "what runs on the cluster"});
    table.fields.push_back(op_field());
    table.fields.push_back(algorithms_field());
    table.fields.push_back(sizes_field());
    for (Field& field : group_fields()) table.fields.push_back(std::move(field));
    for (Field& field : transport_fields()) table.fields.push_back(std::move(field));
    return finished(std::move(table));
  }();
  return kTable;
}

std::vector<std::string> unbuilt_workload_kinds() {
  return {"async_train", "data"};
}

}  // namespace windtunnel::scenarios
