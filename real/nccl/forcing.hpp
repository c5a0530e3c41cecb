// Forcing NCCL's choice of algorithm and protocol: NCCL_ALGO and NCCL_PROTO in the environment.
//
// NCCL reads both when a communicator is made (src/graph/tuning.cc, by getenv, not once a process), so
// a forced run is a communicator of its own made under them, in the same process. What NCCL cannot do
// it refuses with ncclInvalidUsage at the first call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/collective.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

// NCCL's own spellings ("Tree", "NVLSTree"; "LL128"); blank: its choice.
struct NcclSetting {
  std::string algorithm, protocol;

  bool operator==(const NcclSetting&) const = default;
};

// NCCL's algorithms for this op (none for sends and receives, which have no choice but the
// protocol), in NCCL's order.
std::vector<std::string> nccl_algorithms(collectives::Op op);

// Word of a measurement file for an algorithm of NCCL: "ring", "double_binary_tree", "nvls", ...
std::string measured_algorithm(std::string_view nccl_name);

struct SettingList {
  std::vector<NcclSetting> settings;
  std::vector<std::string> unknown;  // wished words that mean nothing to NCCL
};
// Every wished algorithm with every wished protocol that this op can have; "auto" is NCCL's choice
// and "all" everything. Nothing wished: NCCL's choice alone.
SettingList nccl_settings(collectives::Op op, const CollectiveWish& wish);

// The environment of a communicator's making; what was there before comes back on destruction. Not
// for use while other threads read the environment.
class ForcedEnvironment {
 public:
  explicit ForcedEnvironment(const NcclSetting& setting);
  ~ForcedEnvironment();
  ForcedEnvironment(const ForcedEnvironment&) = delete;
  ForcedEnvironment& operator=(const ForcedEnvironment&) = delete;

 private:
  std::optional<std::string> algorithm_, protocol_;
  NcclSetting setting_;
};

}  // namespace windtunnel::real
