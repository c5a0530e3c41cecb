#include "collectives/channel_split.hpp"

#include <algorithm>

#include "collectives/buffers.hpp"

namespace windtunnel::collectives {

Schedule split_over_channels(const Schedule& schedule, std::int32_t channels, std::int64_t unit) {
  Schedule result;
  result.ranks = schedule.ranks;
  result.switches = schedule.switches;
  result.buffer_bytes = schedule.buffer_bytes;
  std::vector<std::int32_t> first{0};  // of each message's pieces; one past the last at the end
  std::vector<std::int32_t> dependencies;
  for (std::size_t i = 0; i < schedule.messages.size(); ++i) {
    const Message& message = schedule.messages[i];
    dependencies.clear();
    for (const std::int32_t whole : schedule.dependencies(static_cast<std::int32_t>(i))) {
      const auto slot = static_cast<std::size_t>(whole);
      for (std::int32_t piece = first[slot]; piece < first[slot + 1]; ++piece) {
        dependencies.push_back(piece);
      }
    }
    const std::int64_t pieces =
        message.local() ? 1 : std::clamp<std::int64_t>(message.bytes / unit, 1, channels);
    for (std::int64_t c = 0; c < pieces; ++c) {
      const Range range = part({0, message.bytes}, pieces, c, message.bytes % unit == 0 ? unit : 1);
      Message piece = message;
      piece.source_offset += range.offset;
      piece.target_offset += range.offset;
      piece.bytes = range.bytes;
      piece.channel = static_cast<std::uint8_t>(c);
      result.add(piece, dependencies);
    }
    first.push_back(static_cast<std::int32_t>(result.messages.size()));
  }
  return result;
}

}  // namespace windtunnel::collectives
