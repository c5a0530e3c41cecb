#include "strategies/train/gradient_bucket.hpp"

#include <algorithm>

namespace windtunnel::strategies {

using base::Bytes;

Bytes bucket_size(const BucketRule& rule, const GradientsOfRank& gradients) {
  switch (rule.unit) {
    case BucketUnit::bytes:
      return Bytes(rule.least);
    case BucketUnit::elements:
      return Bytes(std::max(rule.least, rule.a_rank * gradients.ranks) * gradients.each);
    case BucketUnit::layer:
      return Bytes(std::max(1.0, gradients.layer) * gradients.each);
    case BucketUnit::everything:
      return Bytes::infinity();
  }
  return Bytes::infinity();
}

}  // namespace windtunnel::strategies
