#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;

// Far above any device, far below where a time rounds to 0.
constexpr double kMostFlopRate = 1e21, kMostBandwidth = 1e18;

Type peak_type() {
  Type type = map_type(quantity_type(
      Dimension::flop_rate, {.minimum = 0, .maximum = kMostFlopRate, .exclusive_minimum = true}));
  type.choices = {{"fp64", ""},  {"fp64_tensor", ""}, {"fp32", ""},  {"tf32", ""}, {"fp16", ""},
                  {"bf16", ""},  {"fp8", ""},         {"mxfp8", ""}, {"fp6", ""},  {"fp4", ""},
                  {"nvfp4", ""}, {"int8", ""},        {"int4", ""}};
  return type;
}

std::vector<Field> memory_fields() {
  using sim::Gpu;
  return {
      bound(&Gpu::memory, {.name = "memory",
                           .type = quantity_type(Dimension::bytes, {.minimum = 1}),
                           .required = true,
                           .doc = "device memory"}),
      bound(&Gpu::memory_bandwidth,
            {.name = "memory_bandwidth",
             .type = quantity_type(
                 Dimension::bandwidth,
                 {.minimum = 0, .maximum = kMostBandwidth, .exclusive_minimum = true}),
             .required = true,
             .doc = "of the device memory"}),
      bound(&Gpu::peak, {.name = "peak",
                         .type = peak_type(),
                         .fallback = "{}",
                         .doc = "dense peak by precision (no 2:4 sparsity); train and serve need "
                                "one of bf16, fp16, tf32 and fp32"}),
      bound(&Gpu::l2_cache, {.name = "l2_cache",
                             .type = quantity_type(Dimension::bytes),
                             .fallback = "0B",
                             .doc = "0B: not known"}),
  };
}

std::vector<Field> link_fields() {
  using sim::Gpu;
  return {
      bound(&Gpu::nvlink_bandwidth,
            {.name = "nvlink_bandwidth",
             .type = quantity_type(Dimension::bandwidth, {.minimum = 0, .maximum = kMostBandwidth}),
             .fallback = "0B/s",
             .doc = "per direction over all links; 0B/s where there are none"}),
      bound(&Gpu::nvlink_links, {.name = "nvlink_links",
                                 .type = integer_type(0, 1024),
                                 .fallback = "0",
                                 .doc = "number of NVLink (or xGMI) links"}),
      bound(&Gpu::pcie_bandwidth,
            {.name = "pcie_bandwidth",
             .type = quantity_type(Dimension::bandwidth, {.minimum = 0, .maximum = kMostBandwidth}),
             .fallback = "0B/s",
             .doc = "per direction; 0B/s: not known, which offloading to the host needs"}),
  };
}

}  // namespace

const Structure& gpu_structure() {
  using sim::Gpu;
  static const Structure kTable = [] {
    Structure table{
        .name = "cluster.node.gpu",
        .doc =
            "A GPU as its data sheet describes it. A name from `windtunnel list gpus`, or "
            "`use: NAME` with what differs, or all of it.",
        .library = "gpus",
        .bases = {{"use", "a GPU by name or a path ending in .yaml; the other keys override it"}}};
    table.fields.push_back(bound(&Gpu::name, {.name = "name",
                                              .type = text_type(),
                                              .fallback = "custom",
                                              .doc = "what results and profiles call it"}));
    table.fields.push_back(
        bound(&Gpu::architecture,
              {.name = "architecture",
               .type = or_keyword(choice_type({{"volta", "V100"},
                                               {"turing", "T4"},
                                               {"ampere", "A100, RTX 3090"},
                                               {"ada", "L40S, RTX 4090"},
                                               {"hopper", "H100, H200, GH200"},
                                               {"blackwell", "B200, B300, RTX PRO 6000"},
                                               {"cdna3", "MI300X, MI325X"},
                                               {"cdna4", "MI355X"}}),
                                  {{"unknown", "not known"}}),
               .fallback = "unknown",
               .doc = "generation, which decides what NCCL would choose"}));
    for (Field& field : memory_fields()) table.fields.push_back(std::move(field));
    for (Field& field : link_fields()) table.fields.push_back(std::move(field));
    table.fields.push_back(
        bound(&Gpu::streaming_multiprocessors, {.name = "streaming_multiprocessors",
                                                .type = integer_type(0, 100000),
                                                .fallback = "0",
                                                .doc = "0: not known"}));
    table.fields.push_back(bound(&Gpu::power, {.name = "power",
                                               .type = quantity_type(Dimension::power),
                                               .fallback = "0W",
                                               .doc = "board power limit; 0W: not known"}));
    table.fields.push_back(
        bound(&Gpu::source,
              {.name = "source", .type = text_type(), .doc = "where the figures are published"}));
    return finished(std::move(table));
  }();
  return kTable;
}

}  // namespace windtunnel::scenarios
