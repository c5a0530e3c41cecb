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

std::int64_t KvBlocks::hosted(std::int64_t key) const {
  const auto found = host_chains_.find(key);
  return found == host_chains_.end() ? 0 : found->second.blocks;
}

std::int64_t KvBlocks::cost(std::int64_t key, std::int64_t blocks) const {
  const auto found = chains_.find(key);
  if (blocks == 0 || found == chains_.end()) return 0;
  return std::max<std::int64_t>(0, blocks - found->second.held);
}

// The first `blocks` become active, where they were cached.
void KvBlocks::hold(Chain& chain, std::int64_t blocks) {
  if (blocks <= chain.held) return;
  const std::int64_t more = std::min(blocks, chain.blocks) - chain.held;
  cached_ -= more;
  active_ += more;
  chain.held += more;
}

// Puts a chain into, or takes it out of, those that may lose blocks.
void KvBlocks::settle(std::int64_t key, Chain& chain) {
  if (chain.idle) idle_.erase(chain.place);
  chain.idle = chain.blocks > chain.held;
  if (chain.idle) {
    chain.place = idle_.insert(idle_.end(), key);
  } else if (chain.users == 0) {
    chains_.erase(key);
  }
}

void KvBlocks::use(std::int64_t key, std::int64_t blocks) {
  if (blocks == 0) return;
  Chain& chain = chains_.at(key);
  base::expects(blocks <= chain.blocks, "no more of a chain is used than is there");
  ++chain.users;
  hold(chain, blocks);
  settle(key, chain);
}

void KvBlocks::unuse(std::int64_t key) {
  const auto found = chains_.find(key);
  base::expects(found != chains_.end() && found->second.users > 0, "a chain in use has users");
  Chain& chain = found->second;
  if (--chain.users > 0) return;  // the others may hold less: let go with the last
  active_ -= chain.held;
  cached_ += chain.held;
  chain.held = 0;
  settle(key, chain);
}

void KvBlocks::extend(std::int64_t key, std::int64_t blocks, Holder holder) {
  Chain& chain = chains_[key];
  if (holder == Holder::is_new) ++chain.users;
  hold(chain, chain.blocks);
  chain.blocks += blocks;
  chain.held += blocks;
  settle(key, chain);
  const auto host = host_chains_.find(key);
  if (host == host_chains_.end()) return;
  const std::int64_t replaced = std::min(blocks, host->second.blocks);
  host->second.blocks -= replaced;
  host_used_ -= replaced;
  if (host->second.blocks > 0) return;
  host_order_.erase(host->second.place);
  host_chains_.erase(host);
}

void KvBlocks::warm(std::int64_t key, std::int64_t blocks) {
  const std::int64_t room = std::min(blocks, total_ - active_ - cached_);
  if (!caching_ || room <= 0 || chains_.contains(key)) return;
  Chain& chain = chains_[key];
  chain.blocks = room;
  cached_ += room;
  settle(key, chain);
}

void KvBlocks::clear() {
  chains_.clear();
  idle_.clear();
  host_chains_.clear();
  host_order_.clear();
  active_ = cached_ = host_used_ = host_reserved_ = 0;
}

void KvBlocks::evict(std::int64_t blocks) {
  while (blocks > 0 && !idle_.empty()) {
    const std::int64_t key = idle_.front();
    Chain& chain = chains_.at(key);
    const std::int64_t lost = std::min(blocks, chain.blocks - chain.held);
    chain.blocks -= lost;
    cached_ -= lost;
    blocks -= lost;
    if (host_ > 0) to_host(key, lost);
    if (chain.blocks > chain.held) return;
    settle(key, chain);
  }
}

void KvBlocks::to_host(std::int64_t key, std::int64_t blocks) {
  HostChain& chain = host_chains_[key];
  if (chain.blocks > 0) host_order_.erase(chain.place);
  chain.place = host_order_.insert(host_order_.end(), key);
  chain.blocks += blocks;
  host_used_ += blocks;
  trim_host();
}

void KvBlocks::trim_host() {
  while (host_used_ > host_ - host_reserved_ && !host_order_.empty()) {
    const auto oldest = host_chains_.find(host_order_.front());
    const std::int64_t lost =
        std::min(oldest->second.blocks, host_used_ - (host_ - host_reserved_));
    oldest->second.blocks -= lost;
    host_used_ -= lost;
    if (oldest->second.blocks > 0) return;
    host_order_.pop_front();
    host_chains_.erase(oldest);
  }
}

bool KvBlocks::reserve_host(std::int64_t blocks) {
  if (host_reserved_ + blocks > host_) return false;
  host_reserved_ += blocks;
  trim_host();
  return true;
}

}  // namespace windtunnel::strategies
