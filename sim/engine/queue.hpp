// A first-in, first-out channel between processes. put() waits while a bounded queue is full, get()
// while it is empty; both are served in the order in which they came.
#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "sim/base/contract.hpp"
#include "sim/engine/process.hpp"

namespace windtunnel::sim {

template <class T>
class Queue final : public Waitable {
 public:
  static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

  Queue(Simulation& simulation, std::string name, std::size_t capacity = kUnbounded)
      : simulation_(simulation), name_(std::move(name)), capacity_(capacity) {
    base::expects(capacity >= 1, "a queue holds at least one item");
  }

  std::size_t size() const { return items_.size(); }
  auto put(T item) { return Putter{*this, std::move(item), {}}; }
  auto get() { return Getter{*this, std::nullopt, {}}; }
  // An item if one is there, without waiting.
  std::optional<T> try_get() {
    if (items_.empty()) return std::nullopt;
    return take();
  }

  std::string describe() const override {
    if (items_.empty()) return "queue '" + name_ + "' (empty)";
    return "queue '" + name_ + "' (full, " + std::to_string(items_.size()) + " items)";
  }

 private:
  struct Getter {
    Queue& queue;
    std::optional<T> item;
    Process::Frame frame;
    bool await_ready() {
      item = queue.try_get();
      return item.has_value();
    }
    void await_suspend(Process::Frame caller) {
      frame = caller;
      frame.promise().waits_on(queue);
      queue.getters_.push_back(this);
    }
    T await_resume() { return std::move(*item); }
  };
  struct Putter {
    Queue& queue;
    T item;
    Process::Frame frame;
    bool await_ready() {
      if (!queue.getters_.empty()) {
        Getter& getter = *queue.getters_.front();
        queue.getters_.pop_front();
        getter.item = std::move(item);
        queue.simulation_.wake(getter.frame);
        return true;
      }
      if (queue.items_.size() >= queue.capacity_) return false;
      queue.items_.push_back(std::move(item));
      return true;
    }
    void await_suspend(Process::Frame caller) {
      frame = caller;
      frame.promise().waits_on(queue);
      queue.putters_.push_back(this);
    }
    void await_resume() const noexcept {}
  };

  T take() {
    T item = std::move(items_.front());
    items_.pop_front();
    if (!putters_.empty()) {
      Putter& putter = *putters_.front();
      putters_.pop_front();
      items_.push_back(std::move(putter.item));
      simulation_.wake(putter.frame);
    }
    return item;
  }

  Simulation& simulation_;
  std::string name_;
  std::size_t capacity_;
  std::deque<T> items_;
  std::deque<Getter*> getters_;
  std::deque<Putter*> putters_;
};

}  // namespace windtunnel::sim
