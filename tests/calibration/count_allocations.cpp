#include "tests/calibration/count_allocations.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local long calls = 0;
}

void* operator new(std::size_t size) {
  ++calls;
  if (void* at = std::malloc(size)) return at;
  throw std::bad_alloc();
}
void operator delete(void* at) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}

namespace windtunnel::tests {
long allocations_of_this_thread() {
  return calls;
}
}  // namespace windtunnel::tests
