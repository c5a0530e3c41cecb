// A BatchServer as a replica of a serving system: behind the same router, front end, autoscaling and
// failures as engines with continuous batching.
//
// Each thing that happens in the server is a step of no length here, at its own time; wakes() says when
// the next one is.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "strategies/serve/batcher/batch_server.hpp"
#include "strategies/serve/engine/replica.hpp"

namespace windtunnel::strategies {

class BatchReplica final : public Replica {
 public:
  // A request's id is its place in `requests`, which outlive the replica.
  BatchReplica(const Batching& batching, std::unique_ptr<BatchWork> work,
               std::span<const Request> requests, std::int64_t warmup_requests);

  std::string impossible(const Request& request) const override;
  bool full() const override { return false; }  // the queue says so itself
  void submit(const Request& request, double now, bool remote) override;
  std::optional<double> try_start(double now) override;
  FinishedStep finish(double end) override;
  double free_at() const override { return 0; }
  double wakes() const override { return server_.next_time().value(); }
  void flush() override { server_.flush(); }

  std::int64_t waiting() const override { return server_.waiting(); }
  std::int64_t running() const override { return server_.running(); }
  double kv_used() const override { return server_.kv_used(); }
  bool idle() const override;
  ReplicaCounts counts() const override;
  std::vector<std::int64_t> fail(double now) override;

 private:
  std::span<const Request> requests_;
  BatchServer server_;
  std::vector<BatchEvent> events_;
  std::vector<std::int64_t> refused_;
  bool announced_ = false;  // the caller was told to call finish()
};

}  // namespace windtunnel::strategies
