// The communicators of all ranks that measure together: those of this process, each on a GPU of its
// own, and through them those of the other processes.
//
// Two ways, as frameworks have them: one process a GPU (each process brings one device), and one
// process for all GPUs of a node (several devices, calls grouped). Ranks are numbered process by
// process. NCCL's id goes from rank 0 to all through `Peers`.
// Contract: every process makes and uses a clique with the same calls in the same order; what NCCL
// refuses is an EnvironmentError on every process that sees it. Calls leave device 0 of the clique
// current.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "real/cuda/device.hpp"
#include "real/nccl/device/nccl_api.hpp"
#include "real/nccl/forcing.hpp"
#include "real/peers.hpp"
#include "real/stopwatch.hpp"

namespace windtunnel::real {

class NcclClique {
 public:
  struct Member {
    int device = 0;
    std::int64_t rank = 0;
    ncclComm* communicator = nullptr;
    std::unique_ptr<Stream> stream;
    DeviceBuffer token;  // what the barrier exchanges
  };

  // Throws EnvironmentError also where two ranks would share a GPU, which NCCL does not do.
  NcclClique(std::shared_ptr<const NcclApi> api, const std::vector<int>& devices, Peers& peers,
             const NcclSetting& setting);
  ~NcclClique();
  NcclClique(const NcclClique&) = delete;
  NcclClique& operator=(const NcclClique&) = delete;

  const NcclApi& api() const { return *api_; }
  std::int64_t ranks() const { return ranks_; }
  std::int64_t nodes() const { return nodes_; }  // hosts with a name of their own
  const std::vector<Member>& members() const { return members_; }
  Peers& peers() const { return peers_; }

  // Runs `visit` for every member with its device current.
  void each(const std::function<void(const Member&)>& visit) const;
  // Queues `issue` for every member, in one group.
  void group(const std::function<void(const Member&)>& issue) const;
  // A small call on every member's stream: what is queued after it starts together everywhere. It is
  // one of the algorithms that `op` has, so that forcing one for `op` does not refuse the barrier.
  void queue_barrier(collectives::Op op) const;
  void wait() const;

 private:
  void meet(const std::vector<int>& devices);

  std::shared_ptr<const NcclApi> api_;
  Peers& peers_;
  std::int64_t ranks_ = 0, nodes_ = 1;
  std::vector<Member> members_;
};

// Times calls between events on the stream of every member, begun together behind a barrier in the
// streams; the slowest member's time.
class CliqueStopwatch : public Stopwatch {
 public:
  // `before` (may be empty) runs ahead of every timing: fresh data.
  CliqueStopwatch(const NcclClique& clique, collectives::Op op, std::function<void()> before = {});
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;

 private:
  const NcclClique& clique_;
  collectives::Op op_;
  std::function<void()> before_;
  std::vector<Event> start_, stop_;  // by member
};

}  // namespace windtunnel::real
