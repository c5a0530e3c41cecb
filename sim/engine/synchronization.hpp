// What processes wait on together: barrier, event, semaphore. All are fair (first come, first
// served), take no simulated time and carry a name for deadlock reports.
//
// Contract: they outlive the processes that use them (frames are destroyed with the Simulation, and
// that does not touch them), and belong to one Simulation.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/contract.hpp"
#include "sim/engine/process.hpp"

namespace windtunnel::sim {

// `parties` processes wait for each other; then it starts again with the next round.
class Barrier final : public Waitable {
 public:
  Barrier(Simulation& simulation, std::string name, int parties)
      : simulation_(simulation), name_(std::move(name)), parties_(parties) {
    base::expects(parties >= 1, "a barrier has at least one party");
  }

  auto arrive() { return Awaiter{*this}; }
  std::string describe() const override {
    return "barrier '" + name_ + "' (" + std::to_string(waiting_.size()) + " of " +
           std::to_string(parties_) + " arrived)";
  }

 private:
  struct Awaiter {
    Barrier& barrier;
    bool await_ready() const {
      if (static_cast<int>(barrier.waiting_.size()) + 1 < barrier.parties_) return false;
      for (const Process::Frame frame : barrier.waiting_) barrier.simulation_.wake(frame);
      barrier.waiting_.clear();
      return true;
    }
    void await_suspend(Process::Frame frame) const {
      frame.promise().waits_on(barrier);
      barrier.waiting_.push_back(frame);
    }
    void await_resume() const noexcept {}
  };

  Simulation& simulation_;
  std::string name_;
  int parties_;
  std::vector<Process::Frame> waiting_;
};

// Something that happens once (or again after reset); whoever waits for it goes on.
class Event final : public Waitable {
 public:
  Event(Simulation& simulation, std::string name)
      : simulation_(simulation), name_(std::move(name)) {}

  bool is_set() const { return set_; }
  void reset() { set_ = false; }
  void set() {
    set_ = true;
    for (const Process::Frame frame : waiting_) simulation_.wake(frame);
    waiting_.clear();
  }
  auto wait() { return Awaiter{*this}; }
  std::string describe() const override { return "event '" + name_ + "' (not set)"; }

 private:
  struct Awaiter {
    Event& event;
    bool await_ready() const noexcept { return event.set_; }
    void await_suspend(Process::Frame frame) const {
      frame.promise().waits_on(event);
      event.waiting_.push_back(frame);
    }
    void await_resume() const noexcept {}
  };

  Simulation& simulation_;
  std::string name_;
  bool set_ = false;
  std::vector<Process::Frame> waiting_;
};

// `count` units (slots, blocks of memory); a large request is not overtaken by a later small one.
class Semaphore final : public Waitable {
 public:
  Semaphore(Simulation& simulation, std::string name, std::int64_t count)
      : simulation_(simulation), name_(std::move(name)), free_(count) {
    base::expects(count >= 0, "a semaphore's count is not negative");
  }

  std::int64_t free() const { return free_; }
  auto acquire(std::int64_t units = 1) { return Awaiter{*this, units}; }
  void release(std::int64_t units = 1) {
    free_ += units;
    while (!waiting_.empty() && waiting_.front().units <= free_) {
      free_ -= waiting_.front().units;
      simulation_.wake(waiting_.front().frame);
      waiting_.pop_front();
    }
  }
  std::string describe() const override {
    std::string text = "semaphore '" + name_ + "' (" + std::to_string(free_) + " free";
    if (!waiting_.empty()) text += ", next in line wants " + std::to_string(waiting_.front().units);
    return text + ")";
  }

 private:
  struct Waiting {
    Process::Frame frame;
    std::int64_t units;
  };
  struct Awaiter {
    Semaphore& semaphore;
    std::int64_t units;
    bool await_ready() const noexcept {
      if (!semaphore.waiting_.empty() || semaphore.free_ < units) return false;
      semaphore.free_ -= units;
      return true;
    }
    void await_suspend(Process::Frame frame) const {
      frame.promise().waits_on(semaphore);
      semaphore.waiting_.push_back({frame, units});
    }
    void await_resume() const noexcept {}
  };

  Simulation& simulation_;
  std::string name_;
  std::int64_t free_;
  std::deque<Waiting> waiting_;
};

}  // namespace windtunnel::sim
