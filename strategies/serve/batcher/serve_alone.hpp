// One batch server and its clients, nothing else: no router, no front end. For
// laws, for the scenarios of MLPerf loadgen, and where a rate is searched for
// and speed matters.
#pragma once

#include <vector>

#include "strategies/serve/batcher/batch_server.hpp"
#include "strategies/serve/request.hpp"
#include "strategies/serve/traffic.hpp"

namespace windtunnel::strategies {

// What became of each request of the traffic, in its order. Requests that
// follow an answer are sent `think` after it (a rejection is an answer). Ends
// when nothing more can happen, or at the horizon. Pre: the server was made
// with traffic.requests and has not served.
std::vector<RequestRecord> serve_alone(const Traffic& traffic, BatchServer& server,
                                       base::Seconds horizon = kNever);

}  // namespace windtunnel::strategies
