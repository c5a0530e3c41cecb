#include "real/cpu/buffers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "sim/base/unit_text.hpp"

namespace windtunnel::real {

CpuCaches cpu_caches() {
  CpuCaches caches;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  caches.level1 = std::max(0L, ::sysconf(_SC_LEVEL1_DCACHE_SIZE));
  caches.level2 = std::max(0L, ::sysconf(_SC_LEVEL2_CACHE_SIZE));
  caches.level3 = std::max(0L, ::sysconf(_SC_LEVEL3_CACHE_SIZE));
#endif
  return caches;
}

std::int64_t memory_of_machine() {
  return static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
}

std::int64_t turns(std::int64_t bytes) {
  constexpr std::int64_t kMost = 256LL << 20;
  const std::int64_t level2 = std::max<std::int64_t>(cpu_caches().level2, 1LL << 20);
  const std::int64_t wanted = (2 * level2 + bytes - 1) / bytes + 1;
  return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, kMost / bytes));
}

void require_memory(std::int64_t bytes) {
  if (2 * bytes > memory_of_machine())
    throw PointRefused(
        fmt::format("needs {}, and this machine has {}",
                    base::to_size_text(base::Bytes(static_cast<double>(bytes))),
                    base::to_text(base::Bytes(static_cast<double>(memory_of_machine())))));
}

}  // namespace windtunnel::real
