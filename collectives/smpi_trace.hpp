// A schedule as a program for SimGrid's MPI simulator (SMPI, time-independent trace), so that
// anyone can check our times with a tool that is not ours.
//
// Model: each rank goes through the schedule's messages in order of their depth. Before a message
// it sends or receives it waits for what the message depends on (as far as the rank had a hand in
// it), then starts it with isend or irecv under a tag of its own; at the end it waits for the rest.
// With rendezvous for every size (smpi/async-small-thresh:0, smpi/send-is-detached-thresh:0) and no
// overheads a message then starts when both sides have come to it, which is when its dependencies
// have completed. A rank that must wait for one message cannot start another meanwhile, so that
// where messages of one depth become ready at different times (trees in chunks under contention)
// the program may run later than the schedule.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

struct TracedGroup {
  const Schedule* schedule = nullptr;  // without switches
  std::vector<int> process;            // MPI process of each rank
};

// The trace of `processes` MPI processes (hosts of the exported platform, in its order) that carry
// out the groups at the same time. Precondition: no process is in two groups; no message depends on
// one that neither its sender nor its receiver has a part in.
std::string smpi_trace(std::span<const TracedGroup> groups, int processes);

}  // namespace windtunnel::collectives
