// Where an op's data lies in the working buffer of a schedule, before and after. S = bytes, n =
// ranks.
//
//   all_reduce, broadcast, reduce   [0, S) in place.
//   all_gather                      part r of [0, S) is rank r's input; [0, S) its output.
//   reduce_scatter                  [0, S) input; part r of it is rank r's output.
//   all_to_all                      [0, S) send area, part j for rank j; from S on the receive
//   area: rank j
//                                   has n blocks of size part j, block r from rank r.
//   send_recv                       [0, S) sent to rank r + 1; [S, 2S) received from rank r - 1.
// Further areas of a buffer are an algorithm's own staging.
// Parts are in units of element_bytes where that divides S, else of one byte; a remainder goes to
// the first parts.
#pragma once

#include <cstdint>

#include "collectives/request.hpp"

namespace windtunnel::collectives {

struct Range {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::int64_t end() const { return offset + bytes; }
};

// Part `index` of `whole` split in `count`, sizes differing by one unit at most, larger ones first.
// Precondition: unit > 0, count > 0, 0 <= index < count; whole.bytes is a multiple of unit.
Range part(Range whole, std::int64_t count, std::int64_t index, std::int64_t unit);

// Parts first .. last-1 together.
Range parts(Range whole, std::int64_t count, std::int64_t first, std::int64_t last,
            std::int64_t unit);

// element_bytes where it divides the size, else 1.
std::int64_t unit_of(const ScheduleRequest& request);

// Channels that get at least one unit: small buffers use fewer.
std::int32_t channels_used(const ScheduleRequest& request);

// Chunks of at most chunk_bytes (rounded down to units, at least one unit) that `bytes` takes; at
// least 1.
std::int64_t chunk_count(const ScheduleRequest& request, std::int64_t bytes);

// Block that rank `from` sends to rank `to` in all_to_all: in the sender's send area, in the
// receiver's receive area.
Range send_block(const ScheduleRequest& request, std::int32_t to);
Range receive_block(const ScheduleRequest& request, std::int32_t from, std::int32_t to);

// End of the op's own areas, where staging may begin.
std::int64_t op_buffer_bytes(const ScheduleRequest& request);

}  // namespace windtunnel::collectives
