// The encoder of an encoder-decoder model (T5) in a training job: how long its sources are, and what
// a pipeline hands on of them.
//
// Model: a source has workload.encoder_length tokens, left out: as many as the decoder's sequence (T5
// is pre-trained on sources of 512 tokens and shorter targets). Layers of the encoder come first in a
// pipeline. Between two of them travels the encoder's state; from its last layer on its output goes
// through every later stage, because each decoder layer attends to it, and from the second decoder
// layer on the decoder's state goes beside it (Megatron-LM, pipelines of encoder-decoder models). The
// decoder's tokens are embedded where it begins. Gradients take the same way back.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

// Of the encoder; 0: the model has none.
std::int64_t encoder_layers(const models::Network& network);

// Of each source, for sequences of so many tokens; 0: the model has no encoder.
std::int64_t encoder_tokens(const models::Network& network, const TrainWorkload& workload);

// Tokens whose states a message holds, all ranks of the micro-batch together, by hop (hop_between):
// of the chunk boundaries that cross it the largest.
std::vector<std::int64_t> tokens_between_stages(const TrainPlan& plan,
                                                const models::Network& network);

}  // namespace windtunnel::strategies
