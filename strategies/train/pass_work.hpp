// One pass of a stage as tasks: what runs on a rank's compute stream, and which
// exchanges between nodes belong to it.
//
// Model: exchanges inside a node are part of the time on the stream, as
// chunk_cost.hpp charges them. Those between nodes follow it, all of a pass and
// kind in one piece (`bulk`): tensor, context, expert, and weights gathered
// just in time. Weights gathered ahead (ZeRO-3) run beside the pass and hold it
// up where they take longer. Alone on its links every pass takes its time in
// PassCosts:
//   max(alone + sum of exchanges, beside) = duration of the pass.
// Exposed parts alone are tasks: what a pass hides stays hidden, whatever
// happens to the links; only the gathering ahead is there as a whole.
#pragma once

#include <array>

#include "strategies/train/iteration_costs.hpp"

namespace windtunnel::strategies {

enum class ExchangeRole : std::uint8_t { tensor, context, expert, shards };
inline constexpr std::size_t kExchangeRoles = 4;

struct PassExchange {
  base::Seconds time{0};  // with no one else on its links
  base::Bytes far{0};     // sent between nodes by a rank
};

struct PassWork {
  base::Seconds alone{0};
  std::array<PassExchange, kExchangeRoles> exchanges{};  // by ExchangeRole; none: far is 0
  PassExchange beside{};
  base::Seconds exposed_beside{0};  // what `beside` takes longer than the rest

  base::Seconds exchanging() const;
};

// The same pass where it takes `duration` in all: longer ones compute longer, shorter ones have less
// of everything.
PassWork lasting(PassWork work, base::Seconds duration);

PassWork pass_work(const TrainPlan& plan, const IterationCosts& costs, std::int32_t device,
                   const PipelineStep& step);

}  // namespace windtunnel::strategies
