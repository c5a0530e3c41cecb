#include <algorithm>
#include <bit>

#include "collectives/algorithms/algorithms.hpp"
#include "collectives/buffers.hpp"
#include "collectives/channel_split.hpp"
#include "collectives/request.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::collectives {
namespace {

void write(const ScheduleRequest& request, Schedule& schedule) {
  switch (request.algorithm) {
    case Algorithm::automatic:
      break;
    case Algorithm::ring:
      return write_ring(request, schedule);
    case Algorithm::tree:
      return write_tree(request, schedule);
    case Algorithm::double_binary_tree:
      return write_double_binary_tree(request, schedule);
    case Algorithm::recursive_doubling:
      return write_recursive_doubling(request, schedule);
    case Algorithm::halving_doubling:
      return write_halving_doubling(request, schedule);
    case Algorithm::hierarchical:
      return write_hierarchical(request, schedule);
    case Algorithm::direct:
      return write_direct(request, schedule);
    case Algorithm::pairwise:
      return write_pairwise(request, schedule);
    case Algorithm::parameter_server:
      return write_parameter_server(request, schedule);
    case Algorithm::in_network:
      return write_in_network(request, schedule);
  }
  base::ensures(false, "`auto` is chosen before a schedule is made");
}

// Whether an algorithm gives each channel its own ring or tree; the others split every message.
bool has_own_channels(const ScheduleRequest& request) {
  switch (request.algorithm) {
    case Algorithm::tree:
    case Algorithm::double_binary_tree:
      return true;
    case Algorithm::ring:
      return request.op != Op::all_to_all && request.op != Op::send_recv;
    default:
      return false;
  }
}

// One rank: what it has for itself stays, in all_to_all and send_recv in another area.
void write_alone(const ScheduleRequest& request, Schedule& schedule) {
  if (request.op != Op::all_to_all && request.op != Op::send_recv) return;
  schedule.add({.from = 0,
                .to = 0,
                .source_offset = 0,
                .target_offset = request.bytes,
                .bytes = request.bytes},
               {});
}

std::int64_t log2_ceil(std::int64_t n) {
  return static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(n - 1)));
}

std::int64_t ring_bound(const ScheduleRequest& request) {
  const std::int64_t n = request.ranks;
  const std::int64_t channels = channels_used(request);
  switch (request.op) {
    case Op::all_reduce:
    case Op::all_gather:
    case Op::reduce_scatter: {
      const std::int64_t unit = unit_of(request);
      const Range slice = part(send_block(request, 0), channels, 0, unit);
      const std::int64_t laps = request.op == Op::all_reduce ? 2 : 1;
      return channels * chunk_count(request, slice.bytes) * laps * n * (n - 1);
    }
    case Op::broadcast:
    case Op::reduce: {
      const Range slice = part({0, request.bytes}, channels, 0, unit_of(request));
      return channels * chunk_count(request, slice.bytes) * (n - 1);
    }
    case Op::all_to_all:
      return 4 * n * n * request.channels;
    case Op::send_recv:
      return n * request.channels;
  }
  return 0;
}

}  // namespace

std::optional<std::string> why_not(const ScheduleRequest& request) {
  if (request.algorithm == Algorithm::automatic || !supports(request.op, request.algorithm)) {
    return std::string(to_text(request.algorithm)) + " cannot do " +
           std::string(to_text(request.op));
  }
  if (request.ranks < 1) return "a collective needs at least one rank";
  if (request.bytes < 0) return "a size is not negative";
  if (request.root < 0 || request.root >= request.ranks) return "root is not one of the ranks";
  if (request.channels < 1 || request.channels > 256) return "channels must be between 1 and 256";
  if (request.chunk_bytes < 0 || request.element_bytes < 1) return "a chunk is not negative";
  if (!request.domain.empty() && request.domain.size() != static_cast<std::size_t>(request.ranks)) {
    return "the layout does not have one domain a rank";
  }
  if (request.algorithm == Algorithm::in_network && request.ranks > 1) {
    if (auto reason = why_not_in_network(request)) return reason;
  }
  constexpr std::int64_t kMostMessages = 100'000'000;  // 6 GB of schedule
  const std::int64_t messages = message_bound(request);
  if (messages > kMostMessages) {
    return "this would be up to " + std::to_string(messages) + " messages, more than " +
           std::to_string(kMostMessages) +
           "; take larger chunks, fewer channels or fewer ranks (a limit of this simulator)";
  }
  return std::nullopt;
}

std::int64_t message_bound(const ScheduleRequest& request) {
  const std::int64_t n = request.ranks;
  if (n <= 1) return 1;
  const std::int64_t chunks = chunk_count(request, request.bytes);
  const std::int64_t switches = static_cast<std::int64_t>(request.switches.size());
  switch (request.algorithm) {
    case Algorithm::automatic:
      return 0;
    case Algorithm::ring:
      return ring_bound(request);
    case Algorithm::tree:
    case Algorithm::double_binary_tree:
      return 4 * n * (chunks + request.channels);
    case Algorithm::recursive_doubling:
    case Algorithm::halving_doubling:
      return (2 * n * (log2_ceil(n) + 1) + n) * request.channels;
    case Algorithm::direct:
    case Algorithm::pairwise:
      return 2 * n * (n + 1) * request.channels;
    case Algorithm::parameter_server:
      return 2 * (n * std::min<std::int64_t>(request.servers, n) + n) * request.channels;
    case Algorithm::hierarchical:
    case Algorithm::in_network: {
      // Pieces of the buffer a chunk goes by; at most n (n + switches) messages a chunk.
      const std::int64_t smallest_piece = std::max<std::int64_t>(1, request.bytes / n);
      const bool by_rank = request.op == Op::all_gather || request.op == Op::reduce_scatter;
      const std::int64_t rounds = request.op == Op::all_to_all ? 1
                                  : by_rank ? chunk_count(request, smallest_piece)
                                            : chunks;
      return 3 * n * (n + switches) * rounds * request.channels;
    }
  }
  return 0;
}

Schedule make_schedule(const ScheduleRequest& request) {
  const std::optional<std::string> reason = why_not(request);
  base::expects(!reason, reason ? *reason : "");
  Schedule schedule;
  schedule.ranks = request.ranks;
  schedule.switches = request.algorithm == Algorithm::in_network
                          ? static_cast<std::int32_t>(request.switches.size())
                          : 0;
  schedule.buffer_bytes = op_buffer_bytes(request);
  if (request.ranks == 1) {
    write_alone(request, schedule);
  } else {
    write(request, schedule);
  }
  const std::int32_t channels = has_own_channels(request) ? 1 : channels_used(request);
  if (channels > 1) return split_over_channels(schedule, channels, unit_of(request));
  return schedule;
}

}  // namespace windtunnel::collectives
