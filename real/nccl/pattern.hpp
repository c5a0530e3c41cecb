// The numbers that a collective is tried on: small whole numbers, so that a sum over all ranks comes
// out exactly in any order, and the value that each place of the result must have.
//
// value(rank, i) = hash(rank, i) mod 2^bits, bits so that `ranks` of them add up to no more than the
// type's exact whole numbers (2^24 fp32, 2^11 fp16, 2^8 bf16), at least 1. Past that (more than 256
// ranks in bf16) partial sums round, and a result is right within ranks * 2^-8 of itself.
// One function for host and device: the kernel that checks and the test of it agree by construction.
#pragma once

#include <cstdint>

#include "real/nccl/collective_layout.hpp"

#ifdef __CUDACC__
#define WINDTUNNEL_ANYWHERE __host__ __device__
#else
#define WINDTUNNEL_ANYWHERE
#endif

namespace windtunnel::real {

struct Pattern {
  std::uint64_t mask = 1;
  double tolerance = 0.0;  // relative
};
Pattern pattern_for(std::int64_t ranks, Element type);

// splitmix64's finaliser (Steele, Lea and Flood 2014) of rank and index.
WINDTUNNEL_ANYWHERE inline double pattern_value(std::uint64_t mask, std::int64_t rank,
                                                std::int64_t i) {
  std::uint64_t z = static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15ULL +
                    static_cast<std::uint64_t>(rank + 1) * 0xd1b54a32d192ed03ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<double>((z ^ (z >> 31)) & mask);
}

// What the checking kernel needs to know of a call.
struct Expectation {
  collectives::Op op = collectives::Op::all_reduce;
  std::int64_t ranks = 1, unit = 1, rank = 0, root = 0;
  std::uint64_t mask = 1;
};

// Element i of the receive part of this rank, every rank having sent value(rank, index in its send
// part). For reduce only the root's counts.
WINDTUNNEL_ANYWHERE inline double expected_value(const Expectation& e, std::int64_t i) {
  using collectives::Op;
  std::int64_t from = 0, at = i;
  switch (e.op) {
    case Op::all_gather:
      from = i / e.unit;
      at = i % e.unit;
      break;
    case Op::all_to_all:
      from = i / e.unit;
      at = e.rank * e.unit + i % e.unit;
      break;
    case Op::broadcast:
      from = e.root;
      break;
    case Op::send_recv:
      from = (e.rank + e.ranks - 1) % e.ranks;
      break;
    case Op::all_reduce:
    case Op::reduce:
    case Op::reduce_scatter: {
      if (e.op == Op::reduce_scatter) at = e.rank * e.unit + i;
      double sum = 0.0;
      for (std::int64_t q = 0; q < e.ranks; ++q) sum += pattern_value(e.mask, q, at);
      return sum;
    }
  }
  return pattern_value(e.mask, from, at);
}

}  // namespace windtunnel::real
