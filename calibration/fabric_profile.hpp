// A fabric profile: what a fit of the collective model to measurements left behind.
//
// A tree of parameter vectors, each fitted with its parent as prior:
//   constants of NCCL  ->  shifts shared by a GPU generation or a transport  ->  a fabric (named
//   cluster, GPU)
//   ->  a setting of it (interconnect text, launch, tuning, stack)  ->  one op in that setting
// A query takes the deepest vector that speaks for it; a fabric nobody fitted gets the shared one,
// flagged. On top stands what the formulas leave over and repeats itself (residual_curve.hpp). The
// bands are half-widths of log time: what that leaves uncertain, plus terms that grow with the
// distance from what was fitted (`BandModel`). Contract: values; holds no measured row. `seen`
// states the range that was fitted.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "calibration/collective_model.hpp"
#include "calibration/measurement.hpp"
#include "calibration/residual_curve.hpp"

namespace windtunnel::calibration {

struct SeenOp {
  std::set<int> nodes, gpus_per_node;
  double least_bytes = 0.0, most_bytes = 0.0;
  int rows = 0;
};
using Seen = std::map<collectives::Op, SeenOp>;

struct Setting {
  std::string interconnect, launch, tuning, stack;
  ParamVector params;
  std::map<collectives::Op, ParamVector> by_op;
  Seen seen;
  int rows = 0;
};

struct Fabric {
  std::string gpu, name;
  Transport transport = Transport::none;
  std::string generation;
  ParamVector params, standard_error;
  std::vector<Setting> settings;
  Residuals residuals;
  Seen seen;
  int rows = 0;
  double median_abs_error = 0.0;  // of the rows fitted
};

struct Shift {
  double host = 0.0, latency = 0.0, rate = 0.0, low = 0.0;  // added to logarithms
  int fabrics = 0;
};
struct SharedShifts {
  std::map<std::string, Shift> generation;  // host, intra latency, intra rate
  std::map<std::string, Shift> transport;   // network latency, rate, rate of LL and LL128
};
ParamVector shared_params(const SharedShifts& shared, const std::string& generation,
                          Transport transport);

// Half-width of the 90 % band of log time = sqrt of the sum of the squares of what applies. The
// constants were chosen so that the hold-outs of hold_out.hpp are covered as they should be.
struct BandModel {
  std::array<double, kRegimes> spread{0.25, 0.45, 0.25};  // where a setting has few rows
  // Beyond the sizes fitted, one node and several: far out and where no plateau had been reached.
  double beyond_bytes = 0.45, beyond_bytes_net = 1.3;
  double per_octave_nodes = 0.16;        // from the nearest node count fitted
  double per_octave_nodes_alone = 0.32;  // the same where only one count above 1 was fitted
  // One node alone was fitted, several asked: x that of a fabric not fitted.
  double first_nodes = 0.9;
  // From the nearest GPU count fitted, at least half an octave: another count has other rings.
  double per_octave_gpus = 0.30;
  double other_setting = 0.25;  // launch, tuning or stack not fitted
  // Share of what other nodes and ops add that is left above 64 MiB over nodes.
  double bandwidth_bound = 0.45;
  // An op not fitted in this setting.
  double other_op = 0.25, other_op_net = 0.85;
  // A fabric not fitted: sqrt(a^2 + b^2 / (1 + fabrics of its kind fitted)).
  double other_fabric = 0.3, other_fabric_few = 1.2;
  double other_fabric_net = 0.4, other_fabric_net_few = 1.7;
};

struct Provenance {
  std::vector<MeasurementFile> files;
  int rows_used = 0, rows_held_out = 0, rows_skipped = 0;
  double held_out_median_abs_error = 0.0, held_out_p90_abs_error = 0.0, held_out_inside_band = 0.0;
  std::string held_out_what;  // which part was held out, in words
  std::string date;           // YYYY-MM-DD, given by the caller
  std::string tool_version;
};

struct FabricProfile {
  std::string name, stack;
  SharedShifts shared;
  std::vector<Fabric> fabrics;
  BandModel band;
  Provenance provenance;
};

// What the model is asked about, from a measured row.
CollectiveCase case_of(const CollectiveMeasurement& row);
// A fabric is its name, GPU, and whether it ran over plain TCP sockets.
std::string fabric_key(const CollectiveMeasurement& row);
// Known launch texts to whether one process drives a node; blank and unknown ones are a guess.
bool one_process(const std::string& launch);

// YAML. Its last line, `end: {fabrics: N, sha256: ...}`, holds the checksum of all text before it;
// reading gathers diagnostics and returns nothing where there are errors, so a file cut off or
// changed is refused.
std::string to_yaml(const FabricProfile& profile);
std::optional<FabricProfile> profile_from_yaml(const std::string& text, const std::string& file,
                                               base::Diagnostics& diagnostics);

// The profile that ships with the program, made by
//   windtunnel calibrate ../shared/measurements/nccl/*.csv --fabric nccl-clusters -o
//   calibration/profiles/nccl-clusters.yaml
// Parsed on each call (some milliseconds): keep it.
FabricProfile shipped_profile();

}  // namespace windtunnel::calibration
