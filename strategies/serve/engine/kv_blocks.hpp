// The KV blocks of one data-parallel attention rank: counts, content that stays cached, eviction, and
// the host memory behind them.
//
// Model: blocks of one kind; a block is active while a sequence uses it, cached while its content may
// be used again, or free. A chain is what one key names, from its first block on: a shared prefix, a
// conversation, or one request (whose blocks serve it again after a preemption, as vLLM's keep their
// hashes). Its users hold its first blocks, as many as the deepest of them; what lies behind is
// cached. Cached blocks are free to take: the least recently used chain loses blocks from its end
// first, as vLLM's free queue does with blocks freed in reverse order. With host blocks, what is
// evicted goes to host memory, behind the chain's blocks that are still here; the least recently
// evicted chain loses its host blocks first, from its end. Keys computed anew replace the host's copy.
// Writing to the host overlaps with steps; reading back is billed by the caller.
// Contract: active + cached <= total always; allocate() takes all or nothing.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

namespace windtunnel::strategies {

class KvBlocks {
 public:
  KvBlocks(std::int64_t blocks, bool caching, std::int64_t host_blocks = 0)
      : total_(blocks), caching_(caching), host_(host_blocks) {}

  std::int64_t total() const { return total_; }
  std::int64_t active() const { return active_; }
  std::int64_t available() const { return total_ - active_; }
  bool caching() const { return caching_; }

  bool allocate(std::int64_t blocks);
  void release(std::int64_t blocks);  // to nobody: content is lost

  // Blocks of a chain that are there, active or cached; and those that follow them in host memory.
  std::int64_t cached(std::int64_t key) const;
  std::int64_t hosted(std::int64_t key) const;
  // Takes the first `blocks` of a chain into use. Pre: so many are there, cost() are available.
  void use(std::int64_t key, std::int64_t blocks);
  // How many blocks use() would take from what is available.
  std::int64_t cost(std::int64_t key, std::int64_t blocks) const;
  // A user of a chain is done with it.
  void unuse(std::int64_t key);
  // `blocks` active blocks of a sequence become the chain's, behind what it has; `user`: the sequence
  // holds the chain already, else it is a user from now on.
  enum class Holder { is_new, is_user };
  void extend(std::int64_t key, std::int64_t blocks, Holder holder);
  // Puts `blocks` into the cache from nowhere (a warm start), as far as there is room.
  void warm(std::int64_t key, std::int64_t blocks);
  void clear();  // everything is lost

  // Host memory for swapped sequences; takes the place of evicted content. False: no room.
  bool reserve_host(std::int64_t blocks);
  void release_host(std::int64_t blocks) { host_reserved_ -= blocks; }

 private:
  struct Chain {
    std::int64_t blocks = 0, held = 0, users = 0;
    bool idle = false;                        // some of its blocks are only cached
    std::list<std::int64_t>::iterator place;  // in idle_, where idle
  };
  struct HostChain {
    std::int64_t blocks = 0;
    std::list<std::int64_t>::iterator place;  // in host_order_
  };
  void hold(Chain& chain, std::int64_t blocks);
  void settle(std::int64_t key, Chain& chain);
  void evict(std::int64_t blocks);
  void to_host(std::int64_t key, std::int64_t blocks);
  void trim_host();

  std::int64_t total_, active_ = 0, cached_ = 0;
  bool caching_;
  std::unordered_map<std::int64_t, Chain> chains_;
  std::list<std::int64_t> idle_;  // least recently used first
  std::int64_t host_, host_used_ = 0, host_reserved_ = 0;
  std::unordered_map<std::int64_t, HostChain> host_chains_;
  std::list<std::int64_t> host_order_;  // least recently evicted first
};

}  // namespace windtunnel::strategies
