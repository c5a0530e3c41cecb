#include "collectives/schedule.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/contract.hpp"

namespace windtunnel::collectives {

void Schedule::reserve(std::size_t message_count, std::size_t dependency_count) {
  messages.reserve(message_count);
  dependency_begin_.reserve(message_count + 1);
  dependency_list_.reserve(dependency_count);
}

std::int32_t Schedule::add(const Message& message, std::span<const std::int32_t> dependencies) {
  base::expects(
      messages.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
      "a schedule has fewer than 2^31 messages");
  const auto index = static_cast<std::int32_t>(messages.size());
  for (const std::int32_t dependency : dependencies) {
    base::expects(dependency >= 0 && dependency < index, "a dependency precedes its dependent");
    dependency_list_.push_back(dependency);
  }
  base::expects(dependency_list_.size() <= std::numeric_limits<std::uint32_t>::max(),
                "a schedule has fewer than 2^32 dependencies");
  messages.push_back(message);
  dependency_begin_.push_back(static_cast<std::uint32_t>(dependency_list_.size()));
  return index;
}

std::int64_t Schedule::critical_steps() const {
  std::vector<std::int32_t> depth(messages.size(), 0);
  std::int32_t deepest = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    std::int32_t before = 0;
    for (const std::int32_t dependency : dependencies(static_cast<std::int32_t>(i))) {
      before = std::max(before, depth[static_cast<std::size_t>(dependency)]);
    }
    depth[i] = before + (messages[i].local() ? 0 : 1);
    deepest = std::max(deepest, depth[i]);
  }
  return deepest;
}

std::int64_t Schedule::network_bytes() const {
  std::int64_t bytes = 0;
  for (const Message& message : messages) {
    if (!message.local()) bytes += message.bytes;
  }
  return bytes;
}

}  // namespace windtunnel::collectives
