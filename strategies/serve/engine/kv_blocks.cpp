#include "strategies/serve/engine/kv_blocks.hpp"

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

bool KvBlocks::allocate(std::int64_t blocks) {
  if (blocks > available()) return false;
  active_ += blocks;
  evict(active_ + cached_ - total_);
  return true;
}

void KvBlocks::release(std::int64_t blocks) {
  base::expects(blocks <= active_, "no more KV blocks are released than are in use");
  active_ -= blocks;
}

std::int64_t KvBlocks::cached(std::int64_t key) const {
  if (!caching_) return 0;
  const auto found = chains_.find(key);
  return found == chains_.end() ? 0 : found->second.blocks;
}

std::int64_t KvBlocks::cost(std::int64_t key, std::int64_t blocks) const {
  const auto found = chains_.find(key);
  if (blocks == 0 || found == chains_.end() || found->second.users > 0) return 0;
  return found->second.blocks;
}

void KvBlocks::use(std::int64_t key, std::int64_t blocks) {
  if (blocks == 0) return;
  Chain& chain = chains_.at(key);
  base::expects(blocks <= chain.blocks, "no more of a chain is used than is there");
  if (chain.users++ > 0) return;
  idle_.erase(chain.place);
  cached_ -= chain.blocks;
  active_ += chain.blocks;
}

void KvBlocks::unuse(std::int64_t key) {
  const auto found = chains_.find(key);
  if (found == chains_.end()) return;
  Chain& chain = found->second;
  if (--chain.users > 0) return;
  active_ -= chain.blocks;
  if (chain.blocks == 0) {
    chains_.erase(found);
    return;
  }
  cached_ += chain.blocks;
  chain.place = idle_.insert(idle_.end(), key);
}

void KvBlocks::extend(std::int64_t key, std::int64_t blocks) {
  Chain& chain = chains_[key];
  if (chain.users == 0 && chain.blocks > 0) {
    idle_.erase(chain.place);
    cached_ -= chain.blocks;
    active_ += chain.blocks;
  }
  ++chain.users;
  chain.blocks += blocks;
}

void KvBlocks::warm(std::int64_t key, std::int64_t blocks) {
  const std::int64_t room = std::min(blocks, total_ - active_ - cached_);
  if (!caching_ || room <= 0 || chains_.contains(key)) return;
  Chain& chain = chains_[key];
  chain.blocks = room;
  cached_ += room;
  chain.place = idle_.insert(idle_.end(), key);
}

void KvBlocks::clear() {
  chains_.clear();
  idle_.clear();
  active_ = cached_ = 0;
}

void KvBlocks::evict(std::int64_t blocks) {
  while (blocks > 0 && !idle_.empty()) {
    const std::int64_t key = idle_.front();
    Chain& chain = chains_.at(key);
    const std::int64_t lost = std::min(blocks, chain.blocks);
    chain.blocks -= lost;
    cached_ -= lost;
    blocks -= lost;
    if (chain.blocks > 0) return;
    idle_.pop_front();
    chains_.erase(key);
  }
}

}  // namespace windtunnel::strategies
