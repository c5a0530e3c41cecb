// A folded Clos network of 1 to 3 levels of switches with `radix` ports each.
//
// Model: a leaf has d ports down to NICs and u up. With NICs of bandwidth b and fabric links of
// bandwidth B the oversubscription is o = d b / (u B); d and u are the largest whole numbers with d
// + u <= radix and this o, if there are some that use at least three quarters of the ports, else
// the nearest, and then the bandwidth of the uplinks is adjusted so that o is exact.
//   1 level: one switch. 2 levels: every leaf has one link to each of u spines; at most `radix`
//   leaves. 3 levels: a pod has radix/2 leaves and u aggregation switches, one link between each
//   two; aggregation switch j of every pod has one link to each of the radix/2 cores of group j; at
//   most `radix` pods.
// NICs are placed node by node; with rail_optimized, d nodes are a group with a leaf for each rail,
// and NIC r of each of them is on leaf r of the group; a pod holds whole groups. Of the equal ways
// up one is taken by a hash of the pair of NICs (ECMP); the way down is then given.
#pragma once

#include "sim/platform/fabric_model.hpp"

namespace windtunnel::sim {

struct FatTreeShape {
  int levels = 1;
  int down = 0;  // ports of a leaf towards NICs
  int up = 0;    // ports of a leaf upwards = spines, or aggregation switches of a pod
  int leaves = 0;
  int leaves_per_pod = 0;
  int pods = 0;
  int cores = 0;                   // per aggregation switch
  base::BytesPerSecond uplink{0};  // bandwidth of a link from a leaf upwards
};

FatTreeShape fat_tree_shape(const FabricShape& shape);

}  // namespace windtunnel::sim
