// Rank counts that are no power of two, as MPICH folds them: with n = p + r, p the largest power of
// two, each even rank of the first 2r hands its data to the odd rank after it and sits out; the p
// that remain are numbered 0..p-1.
#pragma once

#include <bit>
#include <cstdint>

namespace windtunnel::collectives {

class Fold {
 public:
  explicit Fold(std::int32_t ranks)
      : ranks_(ranks),
        power_(static_cast<std::int32_t>(std::bit_floor(static_cast<std::uint32_t>(ranks)))) {}

  std::int32_t power() const { return power_; }
  std::int32_t remainder() const { return ranks_ - power_; }
  // The rank that takes part as number `folded`.
  std::int32_t rank(std::int32_t folded) const {
    return folded < remainder() ? 2 * folded + 1 : folded + remainder();
  }
  // The first rank whose part belongs to number `folded`: numbers below the remainder stand for
  // two.
  std::int32_t first_part(std::int32_t folded) const {
    return folded < remainder() ? 2 * folded : folded + remainder();
  }

 private:
  std::int32_t ranks_;
  std::int32_t power_;
};

}  // namespace windtunnel::collectives
