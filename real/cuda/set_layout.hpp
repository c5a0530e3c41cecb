// The tensors of one set of operands, one after the other in memory, each on a 256-byte boundary.
#pragma once

#include <cstdint>

namespace windtunnel::real {

class SetLayout {
 public:
  // Offset of the next tensor.
  std::int64_t take(std::int64_t bytes) {
    const std::int64_t at = bytes_;
    bytes_ += (bytes + 255) / 256 * 256;
    return at;
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::int64_t bytes_ = 0;
};

}  // namespace windtunnel::real
