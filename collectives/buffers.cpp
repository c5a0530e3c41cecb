#include "collectives/buffers.hpp"

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::collectives {
namespace {

std::int64_t part_begin(Range whole, std::int64_t count, std::int64_t index, std::int64_t unit) {
  const std::int64_t units = whole.bytes / unit;
  return whole.offset + (index * (units / count) + std::min(index, units % count)) * unit;
}

}  // namespace

Range parts(Range whole, std::int64_t count, std::int64_t first, std::int64_t last,
            std::int64_t unit) {
  const std::int64_t begin = part_begin(whole, count, first, unit);
  return {begin, part_begin(whole, count, last, unit) - begin};
}

Range part(Range whole, std::int64_t count, std::int64_t index, std::int64_t unit) {
  return parts(whole, count, index, index + 1, unit);
}

std::int64_t unit_of(const ScheduleRequest& request) {
  return request.element_bytes > 1 && request.bytes % request.element_bytes == 0
             ? request.element_bytes
             : 1;
}

std::int32_t channels_used(const ScheduleRequest& request) {
  const std::int64_t units = request.bytes / unit_of(request);
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(request.channels, 1, std::max<std::int64_t>(1, units)));
}

std::int64_t chunk_count(const ScheduleRequest& request, std::int64_t bytes) {
  if (request.chunk_bytes <= 0 || bytes <= 0) return 1;
  const std::int64_t unit = unit_of(request);
  const std::int64_t chunk_units = std::max<std::int64_t>(1, request.chunk_bytes / unit);
  const std::int64_t units = (bytes + unit - 1) / unit;
  return (units + chunk_units - 1) / chunk_units;
}

Range send_block(const ScheduleRequest& request, std::int32_t to) {
  return part({0, request.bytes}, request.ranks, to, unit_of(request));
}

Range receive_block(const ScheduleRequest& request, std::int32_t from, std::int32_t to) {
  const std::int64_t size = send_block(request, to).bytes;
  return {request.bytes + from * size, size};
}

std::int64_t op_buffer_bytes(const ScheduleRequest& request) {
  switch (request.op) {
    case Op::all_to_all:
      return request.bytes + request.ranks * send_block(request, 0).bytes;
    case Op::send_recv:
      return 2 * request.bytes;
    default:
      return request.bytes;
  }
}

}  // namespace windtunnel::collectives
