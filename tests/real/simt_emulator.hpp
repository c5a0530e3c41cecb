// Runs a kernel body on the CPU as a GPU would: the threads of a block are fibers, blocks go one after
// the other, warp-wide instructions wait for all 32 lanes.
//
// What a broken kernel meets here: a barrier or a warp-wide instruction that not all threads reach is
// an error that says so (on a GPU: a hang or garbage); shared memory is a heap block of the exact size
// (AddressSanitizer sees a step outside) filled with NaN at first; an asynchronous copy lands at the
// wait at the latest moment it may, so that a missing wait reads NaN; warps are resumed in a shuffled
// order that `seed` picks, so that a missing barrier shows up as a wrong result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace windtunnel::real {

struct EmulatedGrid {
  int x = 1, y = 1, z = 1;
  int threads = 32;
  std::int64_t shared_bytes = 0;
  std::uint64_t seed = 1;
};
// `body` gets the block's shared memory. Throws std::runtime_error for what a GPU would hang on.
void emulate(const EmulatedGrid& grid, const std::function<void(std::byte* shared)>& body);

}  // namespace windtunnel::real
