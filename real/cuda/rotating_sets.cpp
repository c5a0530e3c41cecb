#include "real/cuda/rotating_sets.hpp"

#include <algorithm>

#include "real/cuda/kernels.hpp"
#include "real/cuda/session.hpp"
#include "real/kernels/launch_plan.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

constexpr std::int64_t kAlignment = 256;

void fill(const DeviceBuffer& buffer, const RandomContent& content, const Stream& stream) {
  if (content.kind == RandomContent::Kind::bits) {
    fill_random_bits({.out = buffer.data(), .bytes = buffer.bytes(), .mask = content.mask},
                     stream.get());
  } else {
    fill_random({.out = buffer.data(),
                 .count = buffer.bytes() / bytes_of(content.element),
                 .type = content.element,
                 .low = content.low,
                 .high = content.high},
                stream.get());
  }
}

}  // namespace

std::int64_t sets_to_rotate(std::int64_t bytes, std::int64_t l2_bytes) {
  base::expects(bytes >= 1, "a set of operands has a size");
  return std::max<std::int64_t>(1, ceil_div(2 * l2_bytes, round_up(bytes, kAlignment)) + 1);
}

RotatingSets::RotatingSets(std::int64_t bytes, std::int64_t sets, const RandomContent& content,
                           const Stream& stream)
    : pitch_(round_up(std::max<std::int64_t>(bytes, 1), kAlignment)), sets_(sets) {
  base::expects(sets >= 1, "at least one set of operands");
  require_device_memory(pitch_ * sets_);
  buffer_ = DeviceBuffer(pitch_ * sets_);
  fill(buffer_, content, stream);
  stream.wait();
}

}  // namespace windtunnel::real
