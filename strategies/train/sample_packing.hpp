// Samples of different lengths as the rows that a training step computes on.
//
// Words: a sample is a document or conversation, its length drawn (longer ones are cut at
// sequence_length); a row is what stands in one sequence of a micro-batch. What `packing` does:
//   padded    a sample a row, padded to sequence_length
//   longest   a sample a row, padded to the longest of its micro-batch
//   bucketed  as longest, over samples of the step sorted by length; micro-batch i of every replica
//             gets neighbours, so replicas have alike work at the same time
//   packed    samples fill rows of sequence_length, best fit of the longest first; attention is
//             block-diagonal, so its work follows the sum of the squares of lengths
// Model: a micro-batch is a mix of shapes whose costs are known (LengthShapes): its cost is the sum
// of share x cost. Packed: a token of a sample of length l costs what it does in rows made of
// samples of that length, and the cost of attention a token is linear in l between two shapes. For
// padded rows shares interpolate between two padded lengths. Kernels that take a mask instead of
// offsets (unfused attention) compute the whole square: packed rows then cost what full ones do.
// Contract: shares of a micro-batch add up to 1; every token of a drawn sample is in one row once;
// no row is longer than sequence_length. Deterministic by seed. O(n log n) a step.
#pragma once

#include <cstdint>
#include <vector>

#include "models/networks/layout.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

// Shapes of a micro-batch that costs are taken for; the first is the full one.
struct LengthShapes {
  std::vector<models::BatchShape> shapes;
  std::vector<std::int64_t> lengths;  // by shape: of its samples (packed) or rows, falling
};
LengthShapes length_shapes(const TrainPlan& plan);

// A share of each shape. The cost of a micro-batch is the sum of share x cost.
using ShapeMix = std::vector<double>;
// Of samples of these lengths in rows of `row` tokens in all (packed), the rest padding.
ShapeMix packed_mix(const LengthShapes& shapes, const std::vector<std::int64_t>& samples,
                    std::int64_t tokens);
ShapeMix padded_mix(const LengthShapes& shapes, std::int64_t length);

struct StepRows {
  // By replica and micro-batch (replica x micro_batches + micro-batch).
  std::vector<ShapeMix> mixes;
  std::vector<double> tokens;  // of the same: those computed on, padding included, over the full
  std::int64_t samples = 0;
  double real_tokens = 0;       // of samples
  double computed_tokens = 0;   // rows, padding included
  double squares = 0;           // sum of squares of the samples' lengths
  double computed_squares = 0;  // of the blocks that attention computes on
};
// Pre: the workload has lengths.
StepRows draw_rows(const TrainPlan& plan, const LengthShapes& shapes, std::uint64_t seed,
                   std::int64_t step);

// Fills rows of `row` tokens with samples, the longest first, each where it fits best; the samples
// of each row, in the order in which rows were opened.
std::vector<std::vector<std::int64_t>> pack_rows(std::vector<std::int64_t> samples,
                                                 std::int64_t row);

}  // namespace windtunnel::strategies
