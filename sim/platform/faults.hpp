// What of a cluster is slower than its data sheets say, and how often it breaks (`stragglers` and
// `failures` of a scenario's cluster).
//
// Model: a slow GPU takes `slowdown` times as long for whatever it computes; a slow node has
// `nic_share` of the bandwidth of its NICs. A share of all GPUs, drawn by the seed, may be slow
// besides. Jitter: what a pass computes takes 1 + X times its time, X >= 0 of mean `mean`,
// drawn anew for each GPU and each pass or step. Failures of GPUs and nodes are independent and exponential, so a job on n
// GPUs and N nodes fails at the rate n / gpu_mtbf + N / node_mtbf.
#pragma once

#include <vector>

#include "sim/base/quantity.hpp"

namespace windtunnel::sim {

// Of these nodes, or of these GPUs (counted over the cluster).
struct SlowPart {
  std::vector<int> nodes{};
  std::vector<int> gpus{};
  double slowdown = 1.0;
  double nic_share = 1.0;  // nodes only
};

// A share of all GPUs, which ones is drawn.
struct RandomSlow {
  double share = 0.0;
  double slowdown = 1.0;
};

enum class JitterKind { none, exponential, uniform, log_normal };
enum class JitterPeriod { pass, step };
struct Jitter {
  JitterKind kind = JitterKind::none;
  double mean = 0.0;   // of X; uniform: between 0 and twice that
  double sigma = 1.0;  // log_normal: standard deviation of ln X
  JitterPeriod each = JitterPeriod::pass;
};

struct Stragglers {
  std::vector<SlowPart> slow{};
  RandomSlow random{};
  Jitter jitter{};

  bool none() const {
    return slow.empty() && random.share <= 0.0 && jitter.kind == JitterKind::none;
  }
};

struct Failures {
  base::Seconds gpu_mtbf = base::Seconds::infinity();
  base::Seconds node_mtbf = base::Seconds::infinity();
  // From a failure until the job computes again: noticed, replaced, started, state read back.
  base::Seconds restart{300};

  bool none() const {
    return gpu_mtbf == base::Seconds::infinity() && node_mtbf == base::Seconds::infinity();
  }
};

}  // namespace windtunnel::sim
