#include "calibration/fabric_profile.hpp"

namespace windtunnel::calibration {

bool one_process(const std::string& launch) {
  return launch.empty() || launch.starts_with("one");
}

CollectiveCase case_of(const CollectiveMeasurement& row) {
  CollectiveCase out;
  out.op = row.op;
  out.algorithm = row.algorithm;
  out.protocol = row.protocol;
  out.bytes = row.bytes.value();
  out.nodes = row.nodes;
  out.gpus_per_node = row.gpus_per_node;
  out.one_process = one_process(row.launch);
  out.links = link_facts({.gpu = row.gpu,
                          .interconnect = row.interconnect,
                          .stack = row.stack,
                          .nodes = row.nodes,
                          .gpus_per_node = row.gpus_per_node});
  return out;
}

std::string fabric_key(const CollectiveMeasurement& row) {
  const bool sockets = row.interconnect.find("TCP sock") != std::string::npos;
  return row.fabric + "\n" + row.gpu + (sockets ? "\ntcp" : "");
}

ParamVector shared_params(const SharedShifts& shared, const std::string& generation,
                          Transport transport) {
  ParamVector params = initial_params();
  const auto of_generation = shared.generation.find(generation);
  const auto of_transport = shared.transport.find(to_text(transport));
  for (const ParamInfo& info : param_table()) {
    double& value = params[static_cast<int>(info.param)];
    if (of_generation != shared.generation.end()) {
      const Shift& shift = of_generation->second;
      if (info.group == ParamGroup::host) value += shift.host;
      if (info.group == ParamGroup::intra_latency) value += shift.latency;
      if (info.group == ParamGroup::intra_rate) value += shift.rate;
    }
    if (of_transport != shared.transport.end()) {
      const Shift& shift = of_transport->second;
      if (info.group == ParamGroup::net_latency) value += shift.latency;
      if (info.group == ParamGroup::net_rate) value += shift.rate;
      if (info.group == ParamGroup::net_rate_low) value += shift.low;
    }
  }
  return params;
}

}  // namespace windtunnel::calibration
