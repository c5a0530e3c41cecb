// How many gradients of data-parallel ranks travel in one message: what the software takes where the
// user states no size.
//
//   bytes       so many (PyTorch's DistributedDataParallel, bucket_cap_mb; XLA's combiners)
//   elements    max(least, a_rank x ranks that share them), times the bytes of a gradient: latency of
//               a ring rises with its ranks, so Megatron-Core's buckets do too
//   layer       what the largest layer has on a rank (FSDP's units)
//   everything  one message for all of a chunk (one contiguous buffer, reduced after the last pass)
// Megatron-Core: core/distributed/distributed_data_parallel.py; DeepSpeed: reduce_bucket_size and
// allgather_bucket_size, 5e8 elements; PyTorch: 25 MiB, its first bucket of 1 MiB left out here.
#pragma once

#include "sim/base/quantity.hpp"

namespace windtunnel::strategies {

enum class BucketUnit { bytes, elements, layer, everything };

struct BucketRule {
  BucketUnit unit = BucketUnit::bytes;
  double least = 25.0 * 1048576.0;  // bytes or elements
  double a_rank = 0.0;              // elements more for each rank
};

struct GradientsOfRank {
  double ranks = 1;  // that share them: data x context
  double each = 4;   // bytes of one
  double layer = 0;  // elements of the largest layer
};

// Infinite for everything.
base::Bytes bucket_size(const BucketRule& rule, const GradientsOfRank& gradients);

}  // namespace windtunnel::strategies
