// A request as it arrives, and what became of it.
#pragma once

#include <cstdint>
#include <limits>

#include "sim/base/quantity.hpp"

namespace windtunnel::strategies {

inline constexpr base::Seconds kNever{std::numeric_limits<double>::infinity()};

// For models without tokens (images, rows, questions of fixed length) input_tokens is the samples'
// own length (BERT) or 1, and output_tokens is 1: the answer.
struct Request {
  std::int64_t id = 0;  // its place in the trace or in the order of arrival
  base::Seconds arrival{0};
  std::int64_t input_tokens = 1;
  std::int64_t output_tokens = 1;
  // The first prefix_tokens of the input are those of every request of the same prefix_id; -1: none.
  std::int64_t prefix_id = -1;
  std::int64_t prefix_tokens = 0;
  // Turns of a conversation: turn t + 1 is sent `think` after turn t has been answered, and its
  // input begins with the whole of turn t (input and output). -1: no conversation.
  std::int64_t session = -1;
  std::int64_t turn = 0;
  base::Seconds think{0};
  std::int64_t samples = 1;   // of one query (MLPerf MultiStream: 8); all are answered together
  std::int64_t priority = 0;  // 1 is the highest (Triton); 0: the policy's default
  std::int64_t content = -1;  // equal contents may be answered from a response cache; -1: unique
};

enum class Fate : std::uint8_t { in_flight, completed, rejected };

// Times are absolute, kNever where it did not happen (in a whole system, `arrival` too). TTFT = first_token - arrival and e2e =
// finish - arrival at the client; queue = start - arrival, `start` being the first step (or batch)
// that works on it; TPOT = (finish - first_token) / (output_tokens - 1).
struct RequestRecord {
  Fate fate = Fate::in_flight;
  base::Seconds arrival{0};
  base::Seconds start = kNever;
  base::Seconds first_token = kNever;
  base::Seconds finish = kNever;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;  // produced
  std::int64_t cached_tokens = 0;  // of the input, found in a prefix cache
  std::int32_t replica = -1;
  std::int32_t preemptions = 0;
};

// False: its time had not come when the simulation ended.
inline bool has_come(const RequestRecord& record) {
  return record.arrival < kNever;
}

}  // namespace windtunnel::strategies
