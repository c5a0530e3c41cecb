#include "strategies/serve/batcher/batch_queue.hpp"

#include "sim/base/contract.hpp"
#include "strategies/serve/batcher/fixed_queue.hpp"
#include "strategies/serve/batcher/tf_serving_queue.hpp"
#include "strategies/serve/batcher/triton_queue.hpp"

namespace windtunnel::strategies {

std::vector<std::int64_t> BatchQueue::expire(base::Seconds) {
  return {};
}

std::unique_ptr<BatchQueue> make_batch_queue(const Batching& batching) {
  base::expects(batching.policy != BatchingPolicy::continuous,
                "continuous batching has no queue of batches");
  if (batching.policy == BatchingPolicy::none) {
    return std::make_unique<FixedQueue>(FixedQueue::Gather::one_request, batching);
  }
  if (batching.policy == BatchingPolicy::fixed) {
    return std::make_unique<FixedQueue>(FixedQueue::Gather::full_batch, batching);
  }
  if (batching.batcher == DynamicBatcher::tf_serving) {
    return std::make_unique<TfServingQueue>(batching);
  }
  return std::make_unique<TritonQueue>(batching);
}

}  // namespace windtunnel::strategies
