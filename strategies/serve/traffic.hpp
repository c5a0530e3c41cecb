// Requests of a workload: drawn from its processes and distributions, or those of its trace.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

// In order of arrival (ties by id). Closed loops, single streams and conversations: a request that
// waits for an answer has arrival kNever here and is sent by the simulation (`follows` below).
// Streams of random numbers are partitioned (arrivals, lengths, contents, think times each have
// their own), so that changing one leaves the others as they were. Deterministic for a seed, on
// every machine (no std:: distributions).
struct Traffic {
  std::vector<Request> requests;
  // requests[i] is sent think after requests[follows[i]] has been answered; -1: at its arrival.
  std::vector<std::int64_t> follows;
};
Traffic make_traffic(const ServeWorkload& workload, std::uint64_t seed);

}  // namespace windtunnel::strategies
