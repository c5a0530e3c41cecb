// The processes that measure together, as far as the measuring itself needs them: to agree on how
// many calls a sample has, on the slowest rank's time and on when to stop, and to hand a small
// message (an NCCL id) from rank 0 to all.
//
// Contract: every rank calls the same functions in the same order; each returns on all ranks or
// throws EnvironmentError (a peer has gone). Not for bulk data.
#pragma once

#include <string>
#include <vector>

namespace windtunnel::real {

class Peers {
 public:
  virtual ~Peers() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void barrier() = 0;
  virtual double max(double value) = 0;
  // Rank 0's text, on every rank. Any bytes.
  virtual std::string broadcast(const std::string& from_rank_0) = 0;
  // Every rank's text in order of rank, on every rank.
  virtual std::vector<std::string> gather(const std::string& mine) = 0;
};

// One process by itself.
class NoPeers : public Peers {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void barrier() override {}
  double max(double value) override { return value; }
  std::string broadcast(const std::string& from_rank_0) override { return from_rank_0; }
  std::vector<std::string> gather(const std::string& mine) override { return {mine}; }
};

}  // namespace windtunnel::real
