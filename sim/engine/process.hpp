// Dynamic work as processes: C++20 coroutines that wait for simulated time, so that the code of a
// worker reads like its pseudo-code.
//
//   Process worker(Simulation& simulation, EndpointId gpu, EndpointId server, Barrier& step) {
//     for (int i = 0; i < 10; ++i) {
//       co_await simulation.compute(gpu, 0, Seconds(0.01));
//       co_await simulation.transfer({.from = gpu, .to = server, .bytes = Bytes(1e6)});
//       co_await step.arrive();
//     }
//   }
//   simulation.spawn("worker 3", worker(simulation, gpu, server, step));
//   simulation.run();
//
// Contract: a Process does nothing until it is spawned or awaited. `co_await worker(...)` runs it
// as a part of the caller; `co_await simulation.spawn(...)`, or of the handle later, waits for one
// that runs beside. An exception goes to whoever awaits; with nobody waiting at that moment it
// comes out of run(). Processes that can go on at the same time do so in the order in which they
// were woken. Frames that have not ended are destroyed with the Simulation; after a failure or a
// deadlock neither it nor its engine runs again. A coroutine keeps its parameters, not what they
// refer to, and a lambda's captures die with the lambda: pass what it needs as parameters of a
// function.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/quantity.hpp"
#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

class Simulation;

// Something that a process may wait on without end; the text finishes "worker 3 waits on ...".
class Waitable {
 public:
  virtual std::string describe() const = 0;

 protected:
  Waitable() = default;
  ~Waitable() = default;
  Waitable(const Waitable&) = default;
  Waitable& operator=(const Waitable&) = default;
};

namespace detail {
struct ProcessRecord;
}

class [[nodiscard]] Process {
 public:
  struct promise_type;
  using Frame = std::coroutine_handle<promise_type>;

  Process(Process&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process& operator=(Process&&) = delete;
  ~Process() {
    if (frame_) frame_.destroy();
  }

  // Awaiting a process runs it as a part of the one that awaits.
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(Frame caller) noexcept;
  void await_resume() const;

 private:
  friend class Simulation;
  explicit Process(Frame frame) : frame_(frame) {}
  Frame frame_;
};

struct Process::promise_type {
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Frame frame) const noexcept;
    void await_resume() const noexcept {}
  };

  Process get_return_object() { return Process(Frame::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { exception = std::current_exception(); }

  // Says that the process waits on `waitable` until it is next resumed.
  void waits_on(const Waitable& waitable) const noexcept;

  detail::ProcessRecord* record = nullptr;  // of the spawned process this is a part of
  std::coroutine_handle<> caller;           // who awaits this one; null for a spawned process
  std::exception_ptr exception;
};

namespace detail {

// A spawned process, from spawn() until nobody refers to it any more.
struct ProcessRecord final : Waitable {
  std::string describe() const override { return "process '" + name + "'"; }

  Simulation* simulation = nullptr;
  std::string name;
  std::int64_t number = 0;  // in order of spawning
  bool may_wait_forever = false;
  bool ended = false;
  Process::Frame frame;  // null once destroyed
  const Waitable* waiting_on = nullptr;
  std::exception_ptr exception;
  std::vector<Process::Frame> joiners;
};

}  // namespace detail

// A spawned process, for others to wait for. It may outlive the process, not the Simulation.
class ProcessHandle {
 public:
  bool ended() const { return record_->ended; }
  const std::string& name() const { return record_->name; }

  bool await_ready() const noexcept { return record_->ended; }
  void await_suspend(Process::Frame caller) const {
    caller.promise().waits_on(*record_);
    record_->joiners.push_back(caller);
  }
  void await_resume() const {
    if (record_->exception) std::rethrow_exception(record_->exception);
  }

 private:
  friend class Simulation;
  explicit ProcessHandle(std::shared_ptr<detail::ProcessRecord> record)
      : record_(std::move(record)) {}
  std::shared_ptr<detail::ProcessRecord> record_;
};

// What a process that still waits when nothing is left to happen means: a deadlock, or nothing (a
// server that waits for requests).
enum class AtEnd { must_have_ended, may_wait };

class Simulation {
 public:
  explicit Simulation(Engine& engine) : engine_(engine) {}
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  Engine& engine() const { return engine_; }
  base::Seconds now() const { return engine_.now(); }

  // The process starts now, as soon as whoever runs now waits or ends (before run(): when run() is
  // called).
  ProcessHandle spawn(std::string name, Process process, AtEnd at_end = AtEnd::must_have_ended);

  // Runs until nothing is left to happen. Throws what a process threw that nobody waited for, or
  // Deadlock.
  void run();

  // Each is awaited: `co_await simulation.delay(Seconds(1))`.
  auto delay(base::Seconds duration) {
    return start([=](Engine& engine, Callback done) { engine.after(duration, std::move(done)); });
  }
  auto compute(EndpointId device, int stream, base::Seconds duration) {
    return start([=](Engine& engine, Callback done) {
      engine.compute(device, stream, duration, std::move(done));
    });
  }
  auto transfer(const TransferRequest& request) {
    return start([=](Engine& engine, Callback done) { engine.transfer(request, std::move(done)); });
  }

  // For awaitables: lets a process that waits go on, after those woken before it.
  void wake(Process::Frame frame) { ready_.push_back(frame); }

 private:
  friend struct Process::promise_type::FinalAwaiter;

  // Starts something on the engine and goes on when it is done.
  template <class Start>
  struct EngineAwaiter {
    Simulation* simulation;
    Start start;
    bool await_ready() const noexcept { return false; }
    void await_suspend(Process::Frame frame) {
      Simulation* const owner = simulation;
      start(owner->engine_, [owner, frame] {
        owner->wake(frame);
        owner->run_ready();
      });
    }
    void await_resume() const noexcept {}
  };
  template <class Start>
  EngineAwaiter<Start> start(Start function) {
    return {this, std::move(function)};
  }

  void run_ready();
  void end(detail::ProcessRecord& record) noexcept;
  void bury_ended();
  std::string describe_deadlock() const;

  Engine& engine_;
  std::deque<Process::Frame> ready_;
  std::vector<std::shared_ptr<detail::ProcessRecord>> records_;  // of those that have not ended
  std::vector<detail::ProcessRecord*> ended_;                    // whose frames can go
  std::exception_ptr failure_;
  std::int64_t next_number_ = 0;
};

}  // namespace windtunnel::sim
