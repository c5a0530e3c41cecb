// The race check of verifier.hpp: ancestors of every message as bit sets, then all pairs of
// accesses to the same bytes of a participant.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "collectives/verifier.hpp"

namespace windtunnel::collectives {
namespace {

class Ancestors {
 public:
  explicit Ancestors(const Schedule& schedule)
      : words_((schedule.messages.size() + 63) / 64), bits_(words_ * schedule.messages.size(), 0) {
    for (std::size_t i = 0; i < schedule.messages.size(); ++i) {
      for (const std::int32_t d : schedule.dependencies(static_cast<std::int32_t>(i))) {
        const auto dependency = static_cast<std::size_t>(d);
        for (std::size_t w = 0; w < words_; ++w)
          bits_[i * words_ + w] |= bits_[dependency * words_ + w];
        bits_[i * words_ + dependency / 64] |= std::uint64_t{1} << (dependency % 64);
      }
    }
  }
  bool before(std::size_t earlier, std::size_t later) const {
    return (bits_[later * words_ + earlier / 64] >> (earlier % 64) & 1U) != 0;
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

enum class Access { read, add, write };

struct Touch {
  std::size_t message;
  std::int64_t begin;
  std::int64_t end;
  Access access;
};

class RaceCheck {
 public:
  explicit RaceCheck(const Schedule& schedule)
      : schedule_(schedule),
        ancestors_(schedule),
        touches_(static_cast<std::size_t>(schedule.participants())) {
    for (std::size_t i = 0; i < schedule.messages.size(); ++i) {
      const Message& m = schedule.messages[i];
      if (m.bytes == 0) continue;
      touch(m.from, {i, m.source_offset, m.source_offset + m.bytes, Access::read});
      touch(m.to, {i, m.target_offset, m.target_offset + m.bytes,
                   m.action == Action::reduce ? Access::add : Access::write});
    }
  }

  Verdict check() {
    for (std::size_t p = 0; p < touches_.size(); ++p) {
      std::ranges::sort(touches_[p], {}, &Touch::begin);
      for (std::size_t i = 0; i < touches_[p].size(); ++i) {
        const Touch& first = touches_[p][i];
        for (std::size_t j = i + 1; j < touches_[p].size(); ++j) {
          const Touch& second = touches_[p][j];
          if (second.begin >= first.end) break;
          if (!safe(first, second)) return race(p, first, second);
        }
      }
    }
    return {};
  }

 private:
  void touch(std::int32_t participant, const Touch& touch) {
    touches_[static_cast<std::size_t>(participant)].push_back(touch);
  }
  bool safe(const Touch& a, const Touch& b) const {
    if (a.message == b.message || a.access == b.access) {
      if (a.access != Access::write || a.message == b.message) return true;
    }
    if (ancestors_.before(a.message, b.message) || ancestors_.before(b.message, a.message))
      return true;
    if (a.access == Access::read) return starts_first(a.message, b.message);
    if (b.access == Access::read) return starts_first(b.message, a.message);
    return false;
  }
  // The reader has started when the writer starts, and a transfer does not complete as it starts.
  bool starts_first(std::size_t reader, std::size_t writer) const {
    if (schedule_.messages[writer].local()) return false;
    const auto dependencies = schedule_.dependencies(static_cast<std::int32_t>(reader));
    return std::ranges::all_of(dependencies, [&](std::int32_t d) {
      return ancestors_.before(static_cast<std::size_t>(d), writer);
    });
  }
  Verdict race(std::size_t participant, const Touch& a, const Touch& b) const {
    const auto text = [this](const Touch& touch) {
      const Message& m = schedule_.messages[touch.message];
      return "message " + std::to_string(touch.message) + " (" + std::to_string(m.from) + " to " +
             std::to_string(m.to) + ")";
    };
    return {false, "race at participant " + std::to_string(participant) + ", byte " +
                       std::to_string(std::max(a.begin, b.begin)) + ": " + text(a) + " and " +
                       text(b) + " in no order"};
  }

  const Schedule& schedule_;
  Ancestors ancestors_;
  std::vector<std::vector<Touch>> touches_;
};

}  // namespace

Verdict check_races(const Schedule& schedule) {
  return RaceCheck(schedule).check();
}

}  // namespace windtunnel::collectives
