#include "real/nccl/pattern.hpp"

#include "sim/base/contract.hpp"

namespace windtunnel::real {

Pattern pattern_for(std::int64_t ranks, Element type) {
  base::expects(ranks > 0, "a collective has ranks");
  const std::int64_t exact = type == Element::fp32   ? std::int64_t{1} << 24
                             : type == Element::fp16 ? std::int64_t{1} << 11
                                                     : std::int64_t{1} << 8;
  Pattern pattern;
  // At most 8 bits: more would tell no more.
  while (pattern.mask < 255 && ranks * static_cast<std::int64_t>(2 * pattern.mask + 1) <= exact)
    pattern.mask = 2 * pattern.mask + 1;
  if (ranks * static_cast<std::int64_t>(pattern.mask) > exact)
    pattern.tolerance = static_cast<double>(ranks) / 256.0;
  return pattern;
}

}  // namespace windtunnel::real
