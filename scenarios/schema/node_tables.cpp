// Tables of one node: scale-up links, NICs, the node itself.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using sim::ScaleUp;
using sim::ScaleUpKind;

void read_links(const Node& node, ScaleUp& scale_up) {
  scale_up.links.clear();
  for (const Node& item : node.items) {
    sim::MeshLink link;
    link.a = static_cast<int>(checked_integer(item.items.at(0)));
    link.b = static_cast<int>(checked_integer(item.items.at(1)));
    if (item.items.size() > 2) link.count = static_cast<int>(checked_integer(item.items[2]));
    scale_up.links.push_back(link);
  }
}

Field links_field() {
  Type one = list_type(integer_type(0, 4096), 2);
  one.most_items = 3;
  Field field = bound_by<ScaleUp>(
      read_links,
      {.name = "links",
       .type = list_type(std::move(one)),
       .fallback = "[]",
       .doc = "`[a, b, count]` for each pair of GPUs that has links; [] is all pairs alike",
       .only_for = {"nvlink_mesh"}});
  field.write = [](const void* object) -> std::optional<Node> {
    Node list = sequence_node({});
    for (const sim::MeshLink& link : static_cast<const ScaleUp*>(object)->links) {
      Node one_link = sequence_node({});
      for (const int number : {link.a, link.b, link.count}) {
        one_link.items.push_back(scalar_node(std::to_string(number), {}));
      }
      list.items.push_back(std::move(one_link));
    }
    return list;
  };
  return field;
}

std::vector<Field> shared_scale_up_fields() {
  return {
      bound_choice(
          &ScaleUp::kind,
          Words<ScaleUpKind>{
              {ScaleUpKind::nvswitch,
               {"nvswitch", "all GPUs of the domain on switches, full rate"}},
              {ScaleUpKind::nvlink_mesh, {"nvlink_mesh", "direct links between pairs (see links)"}},
              {ScaleUpKind::nvlink_ring, {"nvlink_ring", "direct links to two neighbours"}},
              {ScaleUpKind::pcie, {"pcie", "over PCIe switches or the root complex"}},
              {ScaleUpKind::none, {"none", "no direct way: through the NICs"}}},
          {.name = "kind", .required = true, .doc = "how the GPUs reach each other"}),
      bound(&ScaleUp::bandwidth,
            {.name = "bandwidth",
             .type = or_keyword(
                 quantity_type(Dimension::bandwidth, {.minimum = 0, .exclusive_minimum = true}),
                 {{"auto", "that of the GPU's data sheet"}}),
             .fallback = "auto",
             .doc = "per GPU and direction, over all its links",
             .only_for = {"nvswitch", "nvlink_mesh", "nvlink_ring", "pcie"}}),
      bound(&ScaleUp::latency, {.name = "latency",
                                .type = quantity_type(Dimension::time),
                                .fallback = "0s",
                                .doc = "paid once by a transfer inside the node or domain"}),
      bound(&ScaleUp::size,
            {.name = "size",
             .type = or_keyword(integer_type(1, 1048576), {{"auto", "the GPUs of a node"}}),
             .fallback = "auto",
             .doc = "GPUs of one domain, where it spans nodes (NVL72: gpus 4, size 72)",
             .only_for = {"nvswitch", "nvlink_mesh", "nvlink_ring"}}),
  };
}

Field pcie_bandwidth_field(base::BytesPerSecond ScaleUp::*member, std::string name,
                           Choice otherwise, std::string doc) {
  return bound(member, {.name = std::move(name),
                        .type = or_keyword(quantity_type(Dimension::bandwidth,
                                                         {.minimum = 0, .exclusive_minimum = true}),
                                           {otherwise}),
                        .fallback = otherwise.value,
                        .doc = std::move(doc),
                        .only_for = {"pcie"}});
}

std::vector<Field> pcie_fields() {
  const Choice unlimited{"unlimited", "never the limit"};
  return {
      bound(&ScaleUp::gpus_per_switch, {.name = "gpus_per_switch",
                                        .type = integer_type(0, 4096),
                                        .fallback = "0",
                                        .doc = "GPUs below one PCIe switch; 0: all at the root",
                                        .only_for = {"pcie"}}),
      bound(&ScaleUp::switches_per_chip,
            {.name = "switches_per_chip",
             .type = integer_type(1, 4096),
             .fallback = "1",
             .doc = "PCIe switches that are parts of one chip and reach each other inside it",
             .only_for = {"pcie"}}),
      pcie_bandwidth_field(&ScaleUp::uplink_bandwidth, "uplink_bandwidth", {"auto", "as bandwidth"},
                           "from a PCIe switch to the root, per direction"),
      pcie_bandwidth_field(&ScaleUp::chip_bandwidth, "chip_bandwidth", unlimited,
                           "of a PCIe switch to the others of its chip, per direction"),
      pcie_bandwidth_field(
          &ScaleUp::host_bandwidth, "host_bandwidth", unlimited,
          "to and from host memory, all GPUs of a node and both directions together"),
      pcie_bandwidth_field(
          &ScaleUp::root_bandwidth, "root_bandwidth", unlimited,
          "from PCIe switch to PCIe switch over the root complex, of a node, all together"),
  };
}

}  // namespace

const Structure& scale_up_structure() {
  static const Structure kTable = [] {
    Structure table{.name = "cluster.node.scale_up",
                    .doc = "How the GPUs of one domain reach each other."};
    for (Field& field : shared_scale_up_fields()) table.fields.push_back(std::move(field));
    table.fields.push_back(links_field());
    table.fields.push_back(
        bound(&ScaleUp::in_switch_reduction,
              {.name = "in_switch_reduction",
               .type = boolean_type(),
               .fallback = "false",
               .doc = "the switch reduces and multicasts (NVLS), which `in_network` uses",
               .only_for = {"nvswitch"}}));
    for (Field& field : pcie_fields()) table.fields.push_back(std::move(field));
    return finished(std::move(table));
  }();
  return kTable;
}

const Structure& nics_structure() {
  using sim::Nics;
  static const Structure kTable = finished(
      {.name = "cluster.node.nics",
       .doc = "Network interfaces of a node; one per GPU where the counts match (rails).",
       .fields = {bound(&Nics::count, {.name = "count",
                                       .type = integer_type(0, 1024),
                                       .required = true,
                                       .doc = "0: none"}),
                  bound(&Nics::bandwidth, {.name = "bandwidth",
                                           .type = quantity_type(Dimension::bandwidth),
                                           .fallback = "0B/s",
                                           .doc = "per NIC and direction"}),
                  bound(&Nics::latency, {.name = "latency",
                                         .type = quantity_type(Dimension::time),
                                         .fallback = "0s",
                                         .doc = "paid at the sending and at the receiving NIC"})}});
  return kTable;
}

const Structure& node_structure() {
  using sim::Node;
  static const Structure kTable = finished(
      {.name = "cluster.node",
       .doc = "One node; all are alike but for `heterogeneous`.",
       .fields = {bound(&Node::gpus, {.name = "gpus",
                                      .type = integer_type(1, 65536),
                                      .fallback = "1",
                                      .doc = "GPUs of a node"}),
                  bound(&Node::gpu, {.name = "gpu",
                                     .type = structure_type(gpu_structure),
                                     .required = true,
                                     .doc = "the GPU"}),
                  bound(&Node::scale_up, {.name = "scale_up",
                                          .type = structure_type(scale_up_structure),
                                          .fallback = "{kind: none}",
                                          .doc = "links between the GPUs"}),
                  bound(&Node::nics, {.name = "nics",
                                      .type = structure_type(nics_structure),
                                      .fallback = "{count: 0}",
                                      .doc = "network interfaces"}),
                  bound(&Node::cpu,
                        {.name = "cpu",
                         .type = or_keyword(
                             choice_type({{"intel", ""}, {"amd", ""}, {"arm", ""}, {"power", ""}}),
                             {{"unknown", "not known"}}),
                         .fallback = "unknown",
                         .doc = "maker of the host processor; NCCL's choice depends on it"})}});
  return kTable;
}

}  // namespace windtunnel::scenarios
