// Parameter server: k server ranks (root, root + 1, ...), each holding a k-th of the buffer.
// Everyone pushes its shards, a server adds them, and after the last has come sends its shard back
// to everyone. A server's port carries (n-1) S/k each way. broadcast starts with the root filling
// the servers; reduce ends with the servers handing their sums to the root. Source: Li et al. 2014
// (OSDI).
#include <algorithm>

#include "collectives/algorithms/algorithms.hpp"
#include "collectives/exchange.hpp"

namespace windtunnel::collectives {
namespace {

class ParameterServer {
 public:
  ParameterServer(const ScheduleRequest& request, Schedule& schedule)
      : request_(request),
        servers_(std::clamp(request.servers, 1, request.ranks)),
        builder_(schedule) {}

  void write() {
    if (request_.op == Op::broadcast) {
      root_round([this](std::int32_t s) {
        builder_.add(in_place(request_.root, server(s), shard(s), Action::copy));
      });
    } else {
      push();
    }
    if (request_.op == Op::reduce) {
      root_round([this](std::int32_t s) {
        builder_.add(in_place(server(s), request_.root, shard(s), Action::copy));
      });
    } else {
      pull();
    }
  }

 private:
  std::int32_t server(std::int32_t s) const { return (request_.root + s) % request_.ranks; }
  Range shard(std::int32_t s) const {
    return part({0, request_.bytes}, servers_, s, unit_of(request_));
  }

  // Each worker begins at another server, so that they are not all visited in the same order.
  void push() {
    builder_.begin(RoundBuilder::Round::arrivals);
    for (std::int32_t k = 0; k < servers_; ++k) {
      for (std::int32_t worker = 0; worker < request_.ranks; ++worker) {
        const std::int32_t s = (worker + k) % servers_;
        if (worker != server(s))
          builder_.add(in_place(worker, server(s), shard(s), Action::reduce));
      }
    }
    builder_.end();
    builder_.next_phase();
  }
  void pull() {
    builder_.begin(RoundBuilder::Round::arrivals);
    for (std::int32_t k = 1; k < request_.ranks; ++k) {
      for (std::int32_t s = 0; s < servers_; ++s) {
        const std::int32_t worker = (server(s) + k) % request_.ranks;
        if (request_.op == Op::broadcast && worker == request_.root) continue;
        builder_.add(in_place(server(s), worker, shard(s), Action::copy));
      }
    }
    builder_.end();
  }
  template <class Body>
  void root_round(Body body) {
    builder_.begin(RoundBuilder::Round::arrivals);
    for (std::int32_t s = 1; s < servers_; ++s) body(s);
    builder_.end();
    builder_.next_phase();
  }

  const ScheduleRequest& request_;
  std::int32_t servers_;
  RoundBuilder builder_;
};

}  // namespace

void write_parameter_server(const ScheduleRequest& request, Schedule& schedule) {
  ParameterServer(request, schedule).write();
}

}  // namespace windtunnel::collectives
