// A calibrated model of collective times, as seen by those who use one. calibration/ implements it
// from a fitted profile; strategies/ asks it first and simulates the schedule where it has no
// answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collectives/collective.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::collectives {

// One collective of one group, alone on the fabric.
struct TimeQuery {
  Op op = Op::all_reduce;
  Algorithm algorithm = Algorithm::automatic;
  Protocol protocol = Protocol::automatic;
  base::Bytes bytes{0};
  int nodes = 1;
  int gpus_per_node = 1;     // ranks = nodes * gpus_per_node
  std::string gpu;           // name as in `list gpus`
  std::string fabric;        // name of a measured cluster, or empty
  std::string interconnect;  // text such as "NDR InfiniBand 8x400Gb/s per node", or empty
  base::BytesPerSecond nic_bandwidth{0};  // per NIC and direction; 0: not known
  int nics_per_node = 0;                  // 0: not known
  std::string launch;                     // per_gpu_process, one_process_per_node, or empty
};

struct Alternative {
  Algorithm algorithm = Algorithm::ring;
  Protocol protocol = Protocol::simple;
  base::Seconds time{0};
};

struct TimePrediction {
  base::Seconds time{0};
  base::Band band;                        // of the time, seconds
  std::vector<std::string> rests_on;      // measured interpolated model roofline extrapolated
  Algorithm algorithm = Algorithm::ring;  // what was chosen, or was asked for
  Protocol protocol = Protocol::simple;
  std::vector<Alternative> alternatives;  // what else could have been chosen, fastest first
  std::string note;  // what stood in for what, in a sentence; empty if nothing did
};

// What one message costs on the links of a group as the model found them: for simulating what
// predict() has no answer for on the same footing as what it has one for.
struct LinkCosts {
  base::Seconds launch{0};               // once a collective
  base::Seconds intra_latency{0};        // of a message inside a node (or a scale-up domain)
  base::Seconds net_latency{0};          // of a message between nodes; 0 where there is one node
  base::BytesPerSecond scale_up{0};      // effective, of a GPU's scale-up port, per direction
  base::BytesPerSecond nic{0};           // effective, of a NIC, per direction; 0: not known
  Protocol protocol = Protocol::simple;  // whose costs these are
  double half_width = 0.0;  // 90 % of |log(time / true time)| of an algorithm simulated with them
  std::string note;         // what stood in for what, in a sentence; empty if nothing did
};

class TimeModel {
 public:
  virtual ~TimeModel() = default;
  virtual std::string name() const = 0;  // of the profile
  // Nothing where the model cannot speak about this (op, algorithm).
  virtual std::optional<TimePrediction> predict(const TimeQuery& query) const = 0;
  // Costs of the links for the op, size, protocol and group of the query, whatever its algorithm.
  // Nothing where the model knows of no links.
  virtual std::optional<LinkCosts> link_costs(const TimeQuery& /*query*/) const {
    return std::nullopt;
  }
};

}  // namespace windtunnel::collectives
