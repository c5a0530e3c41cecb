// The KV blocks of one data-parallel attention rank: counts, prefixes that stay cached, eviction.
//
// Model: blocks of one kind; a block is active while a running sequence uses it, cached while its
// content may be used again, or free. Cached blocks are free to take: the least recently used chain
// loses blocks from its end first, as vLLM's free queue does with blocks freed in reverse order. A
// chain is what one key names: a shared prefix, a conversation, or a finished request (whose blocks
// nobody asks for again, but which stand in the queue).
// Contract: active + cached <= total always; allocate() takes all or nothing.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

namespace windtunnel::strategies {

class KvBlocks {
 public:
  KvBlocks(std::int64_t blocks, bool caching) : total_(blocks), caching_(caching) {}

  std::int64_t total() const { return total_; }
  std::int64_t active() const { return active_; }
  std::int64_t available() const { return total_ - active_; }
  bool caching() const { return caching_; }

  bool allocate(std::int64_t blocks);
  void release(std::int64_t blocks);  // to nobody: content is lost

  // Blocks of a chain that are there, active or cached.
  std::int64_t cached(std::int64_t key) const;
  // Takes `blocks` of a chain into use (they become active if they were cached). Pre: so many are
  // there, and as many as are not active yet are available.
  void use(std::int64_t key, std::int64_t blocks);
  // How many blocks use() would take from what is available.
  std::int64_t cost(std::int64_t key, std::int64_t blocks) const;
  // A user of `blocks` of a chain is done with it.
  void unuse(std::int64_t key);
  // `blocks` active private blocks of a sequence become the chain's (appended behind what it has);
  // the chain is used by that sequence then.
  void extend(std::int64_t key, std::int64_t blocks);
  // Puts `blocks` into the cache from nowhere (a warm start), as far as there is room.
  void warm(std::int64_t key, std::int64_t blocks);
  void clear();  // everything is lost

 private:
  struct Chain {
    std::int64_t blocks = 0;
    std::int64_t users = 0;
    std::list<std::int64_t>::iterator place;  // in idle_, where users is 0
  };
  void evict(std::int64_t blocks);

  std::int64_t total_, active_ = 0, cached_ = 0;
  bool caching_;
  std::unordered_map<std::int64_t, Chain> chains_;
  std::list<std::int64_t> idle_;  // least recently used first
};

}  // namespace windtunnel::strategies
