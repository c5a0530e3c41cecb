// Requests of a workload: drawn from its processes and distributions, or those of its trace.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

// In order of arrival (ties by place in the trace); a request's id is its place here. Closed loops, single streams and conversations: a request that
// waits for an answer has arrival kNever here and is sent by the simulation (`follows` below).
// Streams of random numbers are partitioned (arrivals, lengths, contents, think times each have
// their own), so that changing one leaves the others as they were. Deterministic for a seed, on
// every machine (no std:: distributions).
//
// arrivals.requests counts turns of conversations, not conversations; arrivals.rate counts
// conversations. A turn's drawn input is what it adds: its input is the whole of the turn before,
// and that. A prefix longer than a drawn input is all of that input, so that inputs keep their
// distribution. A repeated request repeats one of the different ones before it, each as likely,
// lengths included. offline is `requests` samples at time 0; multi_stream has `requests` queries.
// A trace keeps its times, unless the mode is offline or `arrivals` states a rate or a process
// that needs none (all at once, closed loop, ...): then its lengths come in its order at those
// times. Its turns without a time follow the turn before.
struct Traffic {
  std::vector<Request> requests;
  // requests[i] is sent think after requests[follows[i]] has been answered; -1: at its arrival.
  std::vector<std::int64_t> follows;
};
Traffic make_traffic(const ServeWorkload& workload, std::uint64_t seed);

}  // namespace windtunnel::strategies
