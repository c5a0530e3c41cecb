#include "sim/engine/process.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/contract.hpp"
#include "sim/engine/deadlock.hpp"

namespace windtunnel::sim {

std::coroutine_handle<> Process::await_suspend(Frame caller) noexcept {
  frame_.promise().record = caller.promise().record;
  frame_.promise().caller = caller;
  return frame_;
}

void Process::await_resume() const {
  if (frame_.promise().exception) std::rethrow_exception(frame_.promise().exception);
}

std::coroutine_handle<> Process::promise_type::FinalAwaiter::await_suspend(
    Frame frame) const noexcept {
  promise_type& promise = frame.promise();
  if (promise.caller) return promise.caller;
  promise.record->exception = promise.exception;
  promise.record->simulation->end(*promise.record);
  return std::noop_coroutine();
}

void Process::promise_type::waits_on(const Waitable& waitable) const noexcept {
  record->waiting_on = &waitable;
}

Simulation::~Simulation() {
  bury_ended();
  for (const auto& record : records_) {
    if (record->frame) std::exchange(record->frame, nullptr).destroy();
  }
}

ProcessHandle Simulation::spawn(std::string name, Process process, AtEnd at_end) {
  auto record = std::make_shared<detail::ProcessRecord>();
  record->simulation = this;
  record->name = std::move(name);
  record->number = next_number_++;
  record->may_wait_forever = at_end == AtEnd::may_wait;
  record->frame = std::exchange(process.frame_, nullptr);
  base::expects(static_cast<bool>(record->frame), "a process is spawned once");
  record->frame.promise().record = record.get();
  wake(record->frame);
  records_.push_back(record);
  return ProcessHandle(std::move(record));
}

// Resuming never nests: who is woken meanwhile joins the end of the line.
void Simulation::run_ready() {
  while (!ready_.empty()) {
    const Process::Frame frame = ready_.front();
    ready_.pop_front();
    frame.promise().record->waiting_on = nullptr;
    frame.resume();
    bury_ended();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void Simulation::end(detail::ProcessRecord& record) noexcept {
  record.ended = true;
  if (record.exception && record.joiners.empty() && !failure_) failure_ = record.exception;
  for (const Process::Frame joiner : record.joiners) wake(joiner);
  record.joiners.clear();
  ended_.push_back(&record);
}

void Simulation::bury_ended() {
  for (detail::ProcessRecord* const record : ended_) {
    std::exchange(record->frame, nullptr).destroy();
    const auto place = std::lower_bound(
        records_.begin(), records_.end(), record->number,
        [](const auto& other, std::int64_t number) { return other->number < number; });
    records_.erase(place);
  }
  ended_.clear();
}

void Simulation::run() {
  run_ready();
  engine_.run();
  const bool stuck = std::any_of(records_.begin(), records_.end(),
                                 [](const auto& record) { return !record->may_wait_forever; });
  if (stuck) throw Deadlock(describe_deadlock());
}

std::string Simulation::describe_deadlock() const {
  constexpr int kListed = 20;
  int stuck = 0;
  std::string lines;
  for (const auto& record : records_) {
    if (record->may_wait_forever || ++stuck > kListed) continue;
    lines += fmt::format("\n  {} waits on {}", record->name,
                         record->waiting_on != nullptr ? record->waiting_on->describe()
                                                       : "something that never called back");
  }
  if (stuck > kListed) lines += fmt::format("\n  and {} more", stuck - kListed);
  return fmt::format("deadlock at {:.6g} s: {} {} for what can no longer happen:{}",
                     engine_.now().value(), stuck, stuck == 1 ? "process waits" : "processes wait",
                     lines);
}

}  // namespace windtunnel::sim
