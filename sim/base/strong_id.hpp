// Indices that cannot be mixed up: a GPU is not a link, though both are numbers.
// Contract: a StrongId is a dense, non-negative index into the table its Tag names; `none()` is "no such".
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace windtunnel::base {

template <class Tag>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(std::int32_t index) : index_(index) {}
  static constexpr StrongId none() { return StrongId(); }

  constexpr std::int32_t index() const { return index_; }
  constexpr std::size_t slot() const { return static_cast<std::size_t>(index_); }
  constexpr bool valid() const { return index_ >= 0; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  std::int32_t index_ = -1;
};

}  // namespace windtunnel::base

template <class Tag>
struct std::hash<windtunnel::base::StrongId<Tag>> {
  std::size_t operator()(windtunnel::base::StrongId<Tag> id) const noexcept {
    return std::hash<std::int32_t>{}(id.index());
  }
};
