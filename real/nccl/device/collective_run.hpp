// One NCCL call with its buffers on every GPU of this process: timed, checked, estimated.
//
// Data: random, never zeros. A reduction in place multiplies its own data up with every call, so its
// buffers start at +-2^-60 (fp16: 2^-14) and are filled afresh before every sample; `calls_until_overflow`
// is how many calls a sample may have before infinities appear.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "real/nccl/device/clique.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::real {

enum class Reduction { sum, scaled_sum };

class CollectiveRun {
 public:
  // Allocates and fills. Throws PointRefused where a GPU has too little free memory (on every process,
  // if on one).
  CollectiveRun(std::shared_ptr<const NcclClique> clique, const CollectiveCall& call,
                Reduction reduction);

  void issue();
  void wait() const { clique_->wait(); }
  // NCCL's own estimate of the call; none for one rank and for sends and receives.
  std::optional<base::Seconds> estimate();
  // Runs the call once on the pattern; blank, or which rank has how many wrong elements.
  std::string check_data();
  Stopwatch& stopwatch() { return stopwatch_; }
  const NcclClique& clique() const { return *clique_; }
  bool feeds_on_itself() const;  // an in-place reduction
  std::int64_t calls_until_overflow() const;

 private:
  struct Buffers {
    DeviceBuffer send, receive, mismatches;
    int reduction = 0;
  };

  void refuse_lack_of_memory() const;
  void fill_random_data() const;
  void fill_patterns(std::uint64_t mask) const;
  NcclOperands operands(const NcclClique::Member& member) const;
  const Buffers& of(const NcclClique::Member& member) const;
  void* send_part(const NcclClique::Member& member) const;
  void* receive_part(const NcclClique::Member& member) const;

  std::shared_ptr<const NcclClique> clique_;
  CollectiveCall call_;
  std::vector<Buffers> buffers_;  // by member
  CliqueStopwatch stopwatch_;
};

}  // namespace windtunnel::real
