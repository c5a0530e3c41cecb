// Words that many records carry (names of tasks, kinds of work), each kept once.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/base/strong_id.hpp"

namespace windtunnel::sim {

struct LabelTag;
using LabelId = base::StrongId<LabelTag>;

class LabelTable {
 public:
  // The same id for the same text, in order of first use.
  LabelId intern(std::string_view text) {
    const auto [entry, added] = ids_.try_emplace(std::string(text), LabelId());
    if (added) {
      entry->second = LabelId(static_cast<std::int32_t>(texts_.size()));
      texts_.push_back(entry->first);
    }
    return entry->second;
  }
  const std::string& text(LabelId label) const { return texts_[label.slot()]; }
  const std::vector<std::string>& all() const { return texts_; }

 private:
  std::unordered_map<std::string, LabelId> ids_;
  std::vector<std::string> texts_;
};

}  // namespace windtunnel::sim
