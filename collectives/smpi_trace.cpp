#include "collectives/smpi_trace.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/contract.hpp"

namespace windtunnel::collectives {
namespace {

class GroupTrace {
 public:
  GroupTrace(const TracedGroup& group, std::vector<std::string>& lines)
      : schedule_(*group.schedule),
        process_(group.process),
        lines_(lines),
        open_(schedule_.messages.size(), 0) {
    base::expects(schedule_.switches == 0, "MPI has no processes in switches");
  }

  void write() {
    for (const std::size_t i : by_depth()) {
      const Message& m = schedule_.messages[i];
      if (m.local()) continue;
      for (const bool sending : {false, true}) post(i, sending);
    }
    for (std::size_t i = 0; i < open_.size(); ++i) {
      for (const bool sending : {false, true}) wait(i, sending);
    }
  }

 private:
  std::vector<std::size_t> by_depth() const {
    std::vector<std::int32_t> depth(schedule_.messages.size(), 0);
    for (std::size_t i = 0; i < depth.size(); ++i) {
      for (const std::int32_t d : schedule_.dependencies(static_cast<std::int32_t>(i))) {
        depth[i] = std::max(depth[i], depth[static_cast<std::size_t>(d)] + 1);
      }
    }
    std::vector<std::size_t> order(depth.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return depth[i]; });
    return order;
  }

  std::string& line(std::int32_t rank) {
    const int process = process_[static_cast<std::size_t>(rank)];
    std::string& text = lines_[static_cast<std::size_t>(process)];
    return text += std::to_string(process) + " ";
  }
  std::string number(std::int32_t rank) const {
    return std::to_string(process_[static_cast<std::size_t>(rank)]);
  }

  void post(std::size_t i, bool sending) {
    const Message& m = schedule_.messages[i];
    const std::int32_t self = sending ? m.from : m.to;
    for (const std::int32_t d : schedule_.dependencies(static_cast<std::int32_t>(i))) {
      wait_as(self, static_cast<std::size_t>(d));
    }
    line(self) += (sending ? "isend " + number(m.to) : "irecv " + number(m.from)) + " " +
                  std::to_string(i) + " " + std::to_string(m.bytes) + "\n";
    open_[i] |= sending ? kSending : kReceiving;
  }
  // What `rank` had a hand in of message d and of what is behind it if it is local.
  void wait_as(std::int32_t rank, std::size_t d) {
    const Message& m = schedule_.messages[d];
    if (m.local()) {
      for (const std::int32_t behind : schedule_.dependencies(static_cast<std::int32_t>(d))) {
        wait_as(rank, static_cast<std::size_t>(behind));
      }
      return;
    }
    if (m.from == rank) wait(d, true);
    if (m.to == rank) wait(d, false);
  }
  void wait(std::size_t i, bool sending) {
    const unsigned char side = sending ? kSending : kReceiving;
    if ((open_[i] & side) == 0) return;
    open_[i] = static_cast<unsigned char>(open_[i] & ~side);
    const Message& m = schedule_.messages[i];
    line(sending ? m.from : m.to) +=
        "wait " + number(m.from) + " " + number(m.to) + " " + std::to_string(i) + "\n";
  }

  static constexpr unsigned char kSending = 1;
  static constexpr unsigned char kReceiving = 2;

  const Schedule& schedule_;
  const std::vector<int>& process_;
  std::vector<std::string>& lines_;  // by process
  std::vector<unsigned char> open_;  // by message: requests not waited for yet
};

}  // namespace

std::string smpi_trace(std::span<const TracedGroup> groups, int processes) {
  std::vector<std::string> lines;
  for (int p = 0; p < processes; ++p) lines.push_back(std::to_string(p) + " init\n");
  for (const TracedGroup& group : groups) GroupTrace(group, lines).write();
  std::string trace;
  for (int p = 0; p < processes; ++p) {
    trace += lines[static_cast<std::size_t>(p)] + std::to_string(p) + " finalize\n";
  }
  return trace;
}

}  // namespace windtunnel::collectives
