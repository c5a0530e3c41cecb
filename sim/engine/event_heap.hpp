// Events in the order of their time, and of their insertion where times are equal.
//
// Model: a 4-ary heap (shallower than a binary one, four keys a cache line or two) of 24-byte keys;
// the callbacks stay where they are in a pool while the keys move. push and pop are O(log n).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

class EventHeap {
 public:
  bool empty() const { return keys_.empty(); }
  std::size_t size() const { return keys_.size(); }
  // Time of the earliest event; the heap must not be empty.
  double next_time() const { return keys_.front().time; }

  void push(double time, Callback&& callback) {
    const Key key{time, next_sequence_++, store(std::move(callback))};
    std::size_t hole = keys_.size();
    keys_.push_back(key);
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / kArity;
      if (!before(key, keys_[parent])) break;
      keys_[hole] = keys_[parent];
      hole = parent;
    }
    keys_[hole] = key;
  }

  // Takes the earliest event out; the heap must not be empty.
  Callback pop() {
    const std::uint32_t slot = keys_.front().slot;
    const Key last = keys_.back();
    keys_.pop_back();
    if (!keys_.empty()) sift_down(last);
    free_slots_.push_back(slot);
    return std::exchange(pool_[slot], nullptr);
  }

 private:
  static constexpr std::size_t kArity = 4;
  struct Key {
    double time;
    std::uint64_t sequence;
    std::uint32_t slot;
  };
  static bool before(const Key& a, const Key& b) {
    return a.time < b.time || (a.time == b.time && a.sequence < b.sequence);
  }

  std::uint32_t store(Callback&& callback) {
    if (free_slots_.empty()) {
      pool_.push_back(std::move(callback));
      return static_cast<std::uint32_t>(pool_.size() - 1);
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    pool_[slot] = std::move(callback);
    return slot;
  }

  // Puts `key` where the root has become free.
  void sift_down(const Key& key) {
    const std::size_t count = keys_.size();
    std::size_t hole = 0;
    for (;;) {
      const std::size_t first = hole * kArity + 1;
      if (first >= count) break;
      const std::size_t end = first + kArity < count ? first + kArity : count;
      std::size_t best = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(keys_[child], keys_[best])) best = child;
      }
      if (!before(keys_[best], key)) break;
      keys_[hole] = keys_[best];
      hole = best;
    }
    keys_[hole] = key;
  }

  std::vector<Key> keys_;
  std::vector<Callback> pool_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace windtunnel::sim
