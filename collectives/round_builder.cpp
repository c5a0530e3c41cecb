#include "collectives/round_builder.hpp"

#include <algorithm>

namespace windtunnel::collectives {
namespace {

// More than these to wait for, and a joint is cheaper.
constexpr std::size_t kMostDependencies = 3;

}  // namespace

RoundBuilder::RoundBuilder(Schedule& schedule)
    : schedule_(schedule), waiting_(static_cast<std::size_t>(schedule.participants())) {}

std::int32_t RoundBuilder::append(const Message& message) {
  const std::size_t place = this_chunk_.size();
  if (place < previous_chunk_.size()) dependencies_.push_back(previous_chunk_[place]);
  std::ranges::sort(dependencies_);
  const auto repeated = std::ranges::unique(dependencies_);
  dependencies_.erase(repeated.begin(), repeated.end());
  const std::int32_t index = schedule_.add(message, dependencies_);
  this_chunk_.push_back(index);
  return index;
}

void RoundBuilder::touch(std::int32_t participant, std::int32_t message) {
  Waiting& entry = waiting(participant);
  if (entry.round.empty()) touched_.push_back(participant);
  entry.round.push_back(message);
}

std::int32_t RoundBuilder::add(Message message) {
  message.phase = phase_;
  dependencies_ = waiting(message.from).ready;
  if (kind_ == Round::lockstep) {
    const std::vector<std::int32_t>& theirs = waiting(message.to).ready;
    dependencies_.insert(dependencies_.end(), theirs.begin(), theirs.end());
  }
  const std::int32_t index = append(message);
  touch(message.to, index);
  if (kind_ == Round::lockstep && !message.local()) touch(message.from, index);
  return index;
}

void RoundBuilder::joint(std::int32_t participant, std::vector<std::int32_t>& messages) {
  dependencies_ = messages;
  messages.assign(1, append({.from = participant, .to = participant, .phase = phase_}));
}

void RoundBuilder::end() {
  std::ranges::sort(touched_);
  for (const std::int32_t participant : touched_) {
    Waiting& entry = waiting(participant);
    if (kind_ == Round::lockstep) {
      entry.ready.swap(entry.round);
    } else {
      entry.ready.insert(entry.ready.end(), entry.round.begin(), entry.round.end());
    }
    entry.round.clear();
    if (entry.ready.size() > kMostDependencies) joint(participant, entry.ready);
  }
  touched_.clear();
}

void RoundBuilder::begin_chunk() {
  for (Waiting& entry : waiting_) entry.ready.clear();
  previous_chunk_.swap(this_chunk_);
  this_chunk_.clear();
}

}  // namespace windtunnel::collectives
