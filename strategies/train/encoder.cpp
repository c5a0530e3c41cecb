#include "strategies/train/encoder.hpp"

#include <algorithm>

#include "strategies/train/pipeline_program.hpp"

namespace windtunnel::strategies {
namespace {

// States that the chunk `next` is given: of the encoder's tokens, of the decoder's.
std::int64_t tokens_given(const ChunkOfModel& next, std::int64_t encoder,
                          const models::BatchShape& batch) {
  if (encoder == 0) return batch.sequences * batch.query_tokens;
  if (next.first_layer <= encoder) return batch.sequences * batch.encoder_tokens;
  const std::int64_t memory = next.layers > 0 ? batch.encoder_tokens : 0;
  return batch.sequences * (batch.query_tokens + memory);
}

}  // namespace

std::int64_t encoder_layers(const models::Network& network) {
  return std::count_if(network.order.begin(), network.order.end(), [&](std::size_t index) {
    return network.blocks[index].role == models::BlockRole::encoder_layer;
  });
}

std::int64_t encoder_tokens(const models::Network& network, const TrainWorkload& workload) {
  if (encoder_layers(network) == 0) return 0;
  return workload.encoder_length > 0 ? workload.encoder_length : workload.sequence_length;
}

std::vector<std::int64_t> tokens_between_stages(const TrainPlan& plan,
                                                const models::Network& network) {
  const PipelinePlan& pipeline = plan.pipeline;
  const std::int32_t stages = pipeline.shape.stages;
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(stages), 0);
  const std::int64_t encoder = encoder_layers(network);
  // DualPipe's two directions cross a hop with different chunks.
  for (const std::int32_t micro_batch : {0, pipeline.shape.micro_batches - 1}) {
    for (std::int32_t position = 0; position + 1 < pipeline.positions; ++position) {
      const std::int32_t from = pipeline.place(micro_batch, position).device;
      const std::int32_t to = pipeline.place(micro_batch, position + 1).device;
      if (from == to) continue;
      std::int64_t& most = tokens[hop_between(stages, from, to)];
      const ChunkOfModel& next = plan.split[static_cast<std::size_t>(position) + 1];
      most = std::max(most, tokens_given(next, encoder, plan.micro_batch));
    }
  }
  return tokens;
}

}  // namespace windtunnel::strategies
