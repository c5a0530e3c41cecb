// One function an algorithm, in the file of its name; make_schedule() picks among them. Each writes
// the messages of request.op (one it supports, two ranks at least) into a schedule whose `ranks`,
// `switches` and `buffer_bytes` are set; it may enlarge the buffer for staging.
#pragma once

#include "collectives/request.hpp"
#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

void write_ring(const ScheduleRequest& request, Schedule& schedule);
void write_ring_all_to_all(const ScheduleRequest& request, Schedule& schedule);
void write_tree(const ScheduleRequest& request, Schedule& schedule);
void write_double_binary_tree(const ScheduleRequest& request, Schedule& schedule);
void write_recursive_doubling(const ScheduleRequest& request, Schedule& schedule);
void write_halving_doubling(const ScheduleRequest& request, Schedule& schedule);
void write_hierarchical(const ScheduleRequest& request, Schedule& schedule);
void write_direct(const ScheduleRequest& request, Schedule& schedule);
void write_pairwise(const ScheduleRequest& request, Schedule& schedule);
void write_parameter_server(const ScheduleRequest& request, Schedule& schedule);
void write_in_network(const ScheduleRequest& request, Schedule& schedule);

// What keeps the switches of an in_network request from reducing, as a sentence; nothing if they
// can.
std::optional<std::string> why_not_in_network(const ScheduleRequest& request);

}  // namespace windtunnel::collectives
