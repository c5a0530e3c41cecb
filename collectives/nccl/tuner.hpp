// What NCCL would choose: algorithm, protocol and channels for one collective on one group of GPUs,
// with what everything else would have cost by NCCL's own model (see cost_model.hpp).
//
// Contract: deterministic; the tables are built once a tuner, a decision costs a few comparisons.
// Of equal times the first in NCCL's order wins. NCCL has no selector for all_to_all and send_recv
// (grouped send/recv kernels): the decision then has no time and no alternatives. NCCL's model is
// known to be 50 to 80 % off in the middle sizes; its choice is what this is for, its time is not a
// prediction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/nccl/protocol_facts.hpp"

namespace windtunnel::collectives::nccl {

struct Choice {
  NcclAlgorithm nccl = NcclAlgorithm::ring;
  Protocol protocol = Protocol::simple;
  Algorithm algorithm = Algorithm::ring;  // this project's name for it
  base::Seconds time{0};                  // by NCCL's model
  base::Seconds latency{0};
  base::BytesPerSecond bandwidth{0};
  std::string name() const;  // "Ring/LL"
};

struct Decision {
  Algorithm algorithm = Algorithm::ring;
  Protocol protocol = Protocol::simple;
  std::string nccl_name;           // "Ring/LL", "NVLS/Simple", "SendRecv"
  int channels = 1;                // used at this size
  std::optional<Choice> chosen;    // nothing where NCCL has no choice to make
  std::vector<Choice> others;      // every other enabled one, fastest first
  std::vector<std::string> notes;  // assumptions that went into it
  const Choice* runner_up() const { return others.empty() ? nullptr : &others.front(); }
  std::string why() const;  // one sentence
};

// Ring -> ring, Tree -> double_binary_tree, NVLS, NVLSTree and CollNet -> in_network; PAT, which
// has no namesake here, -> recursive_doubling (all-gather) or halving_doubling (reduce-scatter),
// its nearest kin.
Algorithm algorithm_of(NcclAlgorithm algorithm, Op op);

class Tuner {
 public:
  Tuner(const sim::ValidCluster& cluster, const RankLayout& layout,
        std::string_view version = kDefaultVersion);
  Tuner(Topology topology, Constants constants);

  Decision decide(Op op, base::Bytes bytes) const;
  // As NCCL under NCCL_ALGO or NCCL_PROTO: the best of what is left; automatic leaves a choice
  // open.
  Decision decide(Op op, base::Bytes bytes, Algorithm algorithm, Protocol protocol) const;
  ProtocolFacts facts(Op op, base::Bytes bytes, const Choice& choice) const;
  const CostModel& model() const { return model_; }

 private:
  CostModel model_;
};

}  // namespace windtunnel::collectives::nccl
