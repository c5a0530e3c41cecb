// Tables of the cluster around its nodes: fabric, prices, exceptions by node range, imports.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using sim::Fabric;
using sim::FabricKind;

const std::vector<std::string> kSwitched{"switch", "fat_tree", "rail", "dragonfly", "torus"};

std::vector<Field> shared_fabric_fields() {
  return {
      bound_choice(
          &Fabric::kind,
          Words<FabricKind>{
              {FabricKind::none, {"none", "one node"}},
              {FabricKind::switched, {"switch", "one switch for all NICs"}},
              {FabricKind::fat_tree, {"fat_tree", "levels of switches, paths by a hash"}},
              {FabricKind::rail, {"rail", "one switch a rail: NIC r of every node"}},
              {FabricKind::dragonfly, {"dragonfly", "groups of routers, all groups linked"}},
              {FabricKind::torus, {"torus", "a grid that closes on itself"}}},
          {.name = "kind", .required = true, .doc = "how the nodes are connected"}),
      bound(&Fabric::switch_latency, {.name = "switch_latency",
                                      .type = quantity_type(Dimension::time),
                                      .fallback = "0s",
                                      .doc = "paid at each switch on the path",
                                      .only_for = kSwitched}),
      bound(&Fabric::bandwidth,
            {.name = "bandwidth",
             .type = or_keyword(
                 quantity_type(Dimension::bandwidth, {.minimum = 0, .exclusive_minimum = true}),
                 {{"auto", "the NIC's"}}),
             .fallback = "auto",
             .doc = "of a fabric link, per direction",
             .only_for = kSwitched}),
      bound(&Fabric::in_network_reduction,
            {.name = "in_network_reduction",
             .type = boolean_type(),
             .fallback = "false",
             .doc = "the switches reduce (SHARP), which `in_network` uses between nodes",
             .only_for = {"switch", "fat_tree", "rail"}}),
      bound(&Fabric::interconnect,
            {.name = "interconnect",
             .type = or_keyword(text_type(), {{"unknown", "not stated"}}),
             .fallback = "unknown",
             .doc = "technology, which calibrated predictions depend on: InfiniBand, RoCE, "
                    "Slingshot-11, EFA, TCP"}),
      bound(&Fabric::measured_as,
            {.name = "measured_as",
             .type = or_keyword(text_type(), {{"itself", "the cluster's own name"}}),
             .fallback = "itself",
             .doc = "a measured cluster that stands for this one in calibrated predictions "
                    "(`windtunnel doctor --profile NAME` lists them)"}),
  };
}

std::vector<Field> fat_tree_fields() {
  return {
      bound(&Fabric::levels, {.name = "levels",
                              .type = integer_type(1, 3),
                              .fallback = "2",
                              .doc = "levels of switches",
                              .only_for = {"fat_tree"}}),
      bound(&Fabric::radix, {.name = "radix",
                             .type = integer_type(2, 65536),
                             .fallback = "64",
                             .doc = "ports of a switch",
                             .only_for = {"fat_tree"}}),
      bound(&Fabric::oversubscription, {.name = "oversubscription",
                                        .type = number_type({.minimum = 1, .maximum = 1e6}),
                                        .fallback = "1",
                                        .doc = "of the leaf uplinks: bandwidth down / bandwidth up",
                                        .only_for = {"fat_tree"}}),
      bound(&Fabric::rail_optimized, {.name = "rail_optimized",
                                      .type = boolean_type(),
                                      .fallback = "false",
                                      .doc = "NIC r of every node of a group on leaf r",
                                      .only_for = {"fat_tree"}}),
  };
}

std::vector<Field> direct_network_fields() {
  const auto count = [](auto member, std::string name, std::string doc) {
    return bound(member, {.name = std::move(name),
                          .type = integer_type(1, 65536),
                          .required = true,
                          .doc = std::move(doc),
                          .only_for = {"dragonfly"}});
  };
  return {count(&Fabric::groups, "groups", "groups of routers"),
          count(&Fabric::routers, "routers", "routers of a group"),
          count(&Fabric::hosts, "hosts", "nodes at a router"),
          bound(&Fabric::dims, {.name = "dims",
                                .type = list_type(integer_type(1, 65536), 1),
                                .required = true,
                                .doc = "nodes along each dimension",
                                .only_for = {"torus"}})};
}

Field nodes_range_field() {
  return bound_by<sim::NodeOverride>(
      [](const Node& node, sim::NodeOverride& out) {
        const std::vector<int> range = checked_indices(node);
        out.first = range.front();
        out.last = range.back();
      },
      {.name = "nodes",
       .type = type_of_kind(TypeKind::index_item),
       .required = true,
       .doc = "the nodes that differ: 0-3, both included"});
}

std::vector<Field> cluster_fields() {
  using sim::Cluster;
  return {
      bound(&Cluster::name, {.name = "name",
                             .type = text_type(),
                             .fallback = "custom",
                             .doc = "what results call it"}),
      {.name = "description", .type = text_type(), .doc = "what `windtunnel list clusters` shows"},
      {.name = "source", .type = text_type(), .doc = "where the figures are published"},
      bound(&Cluster::nodes, {.name = "nodes",
                              .type = integer_type(1, 1048576),
                              .fallback = "1",
                              .doc = "number of nodes"}),
      bound(&Cluster::node, {.name = "node",
                             .type = structure_type(node_structure),
                             .required = true,
                             .doc = "one of the nodes"}),
      bound(&Cluster::fabric, {.name = "fabric",
                               .type = structure_type(fabric_structure),
                               .fallback = "{kind: none}",
                               .doc = "the network between nodes"}),
      bound(&Cluster::cost, {.name = "cost",
                             .type = structure_type(cost_structure),
                             .fallback = "{}",
                             .doc = "prices"}),
      bound(&Cluster::overrides, {.name = "heterogeneous",
                                  .type = list_type(structure_type(node_override_structure)),
                                  .fallback = "[]",
                                  .doc = "nodes that differ from the rest"}),
      bound(&Cluster::stragglers, {.name = "stragglers",
                                   .type = structure_type(stragglers_structure),
                                   .fallback = "{}",
                                   .doc = "what is slower than its data sheet (training)"}),
      bound(&Cluster::failures, {.name = "failures",
                                 .type = structure_type(failures_structure),
                                 .fallback = "{}",
                                 .doc = "how often what breaks (training)"}),
  };
}

}  // namespace

const Structure& fabric_structure() {
  static const Structure kTable = [] {
    Structure table{.name = "cluster.fabric", .doc = "The network between the nodes."};
    for (Field& field : shared_fabric_fields()) table.fields.push_back(std::move(field));
    for (Field& field : fat_tree_fields()) table.fields.push_back(std::move(field));
    for (Field& field : direct_network_fields()) table.fields.push_back(std::move(field));
    return finished(std::move(table));
  }();
  return kTable;
}

const Structure& cost_structure() {
  using sim::Cost;
  static const Structure kTable = finished(
      {.name = "cluster.cost",
       .doc = "Prices of the cluster, for the facts that count money.",
       .fields = {
           bound(&Cost::gpu_hour, {.name = "gpu_hour",
                                   .type = quantity_type(Dimension::money_rate),
                                   .fallback = "$0/h",
                                   .doc = "of one GPU"}),
           bound(&Cost::pue, {.name = "pue",
                              .type = number_type({.minimum = 1, .maximum = 10}),
                              .fallback = "1",
                              .doc = "power usage effectiveness: facility power / IT power"}),
           bound(&Cost::power_price, {.name = "power_price",
                                      .type = quantity_type(Dimension::money_per_energy),
                                      .fallback = "$0/kWh",
                                      .doc = "of electric energy"})}});
  return kTable;
}

const Structure& node_override_structure() {
  using sim::NodeOverride;
  static const Structure kTable = finished(
      {.name = "cluster.heterogeneous[]",
       .doc = "What differs on a range of nodes; what is left out is as on the rest.",
       .fields = {
           nodes_range_field(),
           bound(&NodeOverride::gpu,
                 {.name = "gpu", .type = structure_type(gpu_structure), .doc = "another GPU"}),
           bound(&NodeOverride::scale_up, {.name = "scale_up",
                                           .type = structure_type(scale_up_structure),
                                           .doc = "other links inside the node"}),
           bound(&NodeOverride::nics, {.name = "nics",
                                       .type = structure_type(nics_structure),
                                       .doc = "other network interfaces"})}});
  return kTable;
}

const Structure& cluster_structure() {
  static const Structure kTable = finished(
      {.name = "cluster",
       .doc = "The machine. A name from `windtunnel list clusters`, a path ending in .yaml, `use: "
              "NAME` with "
              "what differs, a file to import, or all of it.",
       .fields = cluster_fields(),
       .library = "clusters",
       .bases = {{"use", "a cluster by name or a path ending in .yaml; the other keys override it"},
                 {"nccl_topo",
                  "an NCCL topology XML file (NCCL_TOPO_DUMP_FILE) that describes the node"}},
       .forwards = {{"gpu", "node.gpu"}}});
  return kTable;
}

const Structure& platform_import_structure() {
  static const Structure kTable = finished(
      {.name = "cluster (SimGrid platform)",
       .doc = "A cluster read from a SimGrid platform file: its hosts are ranks in the natural "
              "order of their "
              "names.",
       .fields = {bound(&PlatformImport::name, {.name = "name",
                                                .type = text_type(),
                                                .fallback = "simgrid",
                                                .doc = "what results call it"}),
                  bound(&PlatformImport::simgrid_platform,
                        {.name = "simgrid_platform",
                         .type = path_type(),
                         .required = true,
                         .doc = "the platform XML, relative to this file"})},
       .selected_by = "simgrid_platform"});
  return kTable;
}

}  // namespace windtunnel::scenarios
