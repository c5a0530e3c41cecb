// Requests for tests: layouts and switch trees of small clusters.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "collectives/request.hpp"

namespace windtunnel::collectives::testing {

enum class Layout { none, pairs, fours, uneven, scattered, together };

inline constexpr Layout kLayouts[] = {Layout::none,   Layout::pairs,     Layout::fours,
                                      Layout::uneven, Layout::scattered, Layout::together};

inline std::vector<std::int32_t> domains(Layout layout, std::int32_t ranks) {
  if (layout == Layout::none) return {};
  std::vector<std::int32_t> domain;
  for (std::int32_t r = 0; r < ranks; ++r) {
    switch (layout) {
      case Layout::none:
        break;
      case Layout::pairs:
        domain.push_back(r / 2);
        break;
      case Layout::fours:
        domain.push_back(r / 4);
        break;
      case Layout::uneven:
        domain.push_back(r < 3 ? 0 : 1 + (r - 3) / 5);
        break;
      case Layout::scattered:
        domain.push_back(r % 3);
        break;
      case Layout::together:
        domain.push_back(7);
        break;
    }
  }
  return domain;
}

inline void add_tree(ScheduleRequest& request, const std::vector<std::int32_t>& ranks,
                     std::size_t arity) {
  std::vector<std::int32_t> level = ranks;
  do {
    std::vector<std::int32_t> above;
    for (std::size_t i = 0; i < level.size(); i += arity) {
      const auto self = static_cast<std::int32_t>(request.switches.size());
      ReducingNode node;
      for (std::size_t j = i; j < std::min(level.size(), i + arity); ++j) {
        node.children.push_back(level[j]);
        if (level[j] >= request.ranks) {
          request.switches[static_cast<std::size_t>(level[j] - request.ranks)].parent = self;
        }
      }
      request.switches.push_back(node);
      above.push_back(request.ranks + self);
    }
    level = above;
  } while (level.size() > 1);
}

// A switch in each domain (NVLS).
inline void add_domain_switches(ScheduleRequest& request) {
  const std::int32_t most = request.domain.empty() ? 0 : *std::ranges::max_element(request.domain);
  for (std::int32_t d = 0; d <= most && !request.domain.empty(); ++d) {
    std::vector<std::int32_t> ranks;
    for (std::int32_t r = 0; r < request.ranks; ++r) {
      if (request.domain[static_cast<std::size_t>(r)] == d) ranks.push_back(r);
    }
    if (ranks.size() > 1) add_tree(request, ranks, ranks.size());
  }
}

// A tree of switches over all ranks (SHARP).
inline void add_fabric_tree(ScheduleRequest& request, std::size_t arity) {
  std::vector<std::int32_t> ranks;
  for (std::int32_t r = 0; r < request.ranks; ++r) ranks.push_back(r);
  add_tree(request, ranks, arity);
}

inline std::string describe(const ScheduleRequest& r) {
  std::string text = std::string(to_text(r.op)) + " " + std::string(to_text(r.algorithm)) + " of " +
                     std::to_string(r.bytes) + " B on " + std::to_string(r.ranks) +
                     " ranks, root " + std::to_string(r.root) + ", channels " +
                     std::to_string(r.channels) + ", chunk " + std::to_string(r.chunk_bytes) +
                     ", element " + std::to_string(r.element_bytes) + ", servers " +
                     std::to_string(r.servers) + ", switches " + std::to_string(r.switches.size()) +
                     ", domains";
  for (const std::int32_t d : r.domain) text += " " + std::to_string(d);
  return text;
}

}  // namespace windtunnel::collectives::testing
