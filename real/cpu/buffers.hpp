// Buffers of random values, and how many of them to take turns with so that a call finds its
// operands outside the second-level cache, as a training step does.
#pragma once

#include <cstdint>
#include <vector>

#include "real/benchmark.hpp"
#include "sim/base/random.hpp"

namespace windtunnel::real {

// Sizes in bytes as the system reports them; 0 where it does not.
struct CpuCaches {
  std::int64_t level1 = 0, level2 = 0, level3 = 0;
};
CpuCaches cpu_caches();
std::int64_t memory_of_machine();

// Uniform in [-1, 1).
template <class Scalar>
std::vector<Scalar> random_values(std::int64_t count, std::uint64_t seed) {
  base::RandomStream stream(seed, "buffer");
  std::vector<Scalar> values(static_cast<std::size_t>(count));
  for (Scalar& value : values) value = static_cast<Scalar>(stream.uniform(-1.0, 1.0));
  return values;
}

// Copies of a working set of `bytes` to take turns with: at least 1, together beyond twice the
// second-level cache and at most 256 MiB.
std::int64_t turns(std::int64_t bytes);

// Throws PointRefused where `bytes` are more than half of the machine's memory.
void require_memory(std::int64_t bytes);

}  // namespace windtunnel::real
