#include "sim/engine/worker_pool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "sim/base/contract.hpp"
#include "sim/engine/child_process.hpp"

namespace windtunnel::sim {
namespace {

// SIGINT as something to poll for, until the end of the scope.
class InterruptWatch {
 public:
  InterruptWatch() {
    struct sigaction current {};
    ::sigaction(SIGINT, nullptr, &current);
    if (current.sa_handler == SIG_IGN) return;
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    ::sigprocmask(SIG_BLOCK, &interrupt, &previous_);
    descriptor_ = ::signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~InterruptWatch() {
    if (descriptor_ < 0) return;
    arrived();  // one that came last must not kill us as the mask is lifted
    ::close(descriptor_);
    ::sigprocmask(SIG_SETMASK, &previous_, nullptr);
  }
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  int descriptor() const { return descriptor_; }
  bool arrived() const {
    signalfd_siginfo ignored;
    return descriptor_ >= 0 && ::read(descriptor_, &ignored, sizeof(ignored)) > 0;
  }

 private:
  sigset_t previous_{};
  int descriptor_ = -1;
};

struct Running {
  Child child;
  std::size_t index = 0;
  std::string message;
};

class Pool {
 public:
  Pool(std::size_t count, const std::function<std::string(std::size_t)>& work,
       const PoolOptions& options)
      : work_(work), options_(options) {
    result_.outcomes.resize(count);
  }
  ~Pool() { end_children(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  PoolResult run() {
    for (;;) {
      while (next_ < result_.outcomes.size() &&
             running_.size() < static_cast<std::size_t>(options_.jobs)) {
        start_next();
      }
      if (running_.empty()) break;
      wait_for_news();
      if (interrupt_.arrived()) {
        result_.interrupted = true;
        end_children();
        break;
      }
    }
    return std::move(result_);
  }

 private:
  void start_next() {
    const std::size_t index = next_++;
    running_.push_back({spawn_child([&] { return work_(index); }), index, {}});
  }

  // Blocks until a child has sent something or ended, or SIGINT came; takes in what there is.
  void wait_for_news() {
    std::vector<pollfd> watched;
    for (const Running& job : running_) watched.push_back({job.child.pipe, POLLIN, 0});
    watched.push_back({interrupt_.descriptor(), POLLIN, 0});
    if (::poll(watched.data(), watched.size(), -1) < 0) return;  // EINTR
    std::vector<Running> ended;
    for (std::size_t i = running_.size(); i-- > 0;) {
      if (watched[i].revents == 0 || read_more(running_[i])) continue;
      ended.push_back(std::move(running_[i]));
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    std::sort(ended.begin(), ended.end(),
              [](const Running& a, const Running& b) { return a.index < b.index; });
    for (Running& job : ended) record(job);
    if (!options_.on_finished) return;
    for (const Running& job : ended) {
      options_.on_finished(job.index, result_.outcomes[job.index]);
    }
  }

  // False at the end of the child's message.
  static bool read_more(Running& job) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(job.child.pipe, buffer.data(), buffer.size());
    if (count < 0) return errno == EINTR;
    job.message.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }

  void record(Running& job) {
    ChildResult child = interpret_child(job.message, reap_child(job.child));
    JobOutcome& outcome = result_.outcomes[job.index];
    outcome.status = child.exception ? JobStatus::failed : JobStatus::done;
    outcome.payload = std::move(child.payload);
    outcome.exception = child.exception;
    if (child.exception) {
      try {
        std::rethrow_exception(child.exception);
      } catch (const std::exception& error) {
        outcome.error = error.what();
      }
    }
  }

  void end_children() {
    for (Running& job : running_) ::kill(job.child.pid, SIGKILL);
    for (Running& job : running_) reap_child(job.child);
    running_.clear();
  }

  const std::function<std::string(std::size_t)>& work_;
  const PoolOptions& options_;
  InterruptWatch interrupt_;
  PoolResult result_;
  std::vector<Running> running_;
  std::size_t next_ = 0;
};

}  // namespace

PoolResult run_jobs(std::size_t count, const std::function<std::string(std::size_t)>& work,
                    const PoolOptions& options) {
  base::expects(options.jobs >= 1, "a pool has at least one job at a time");
  return Pool(count, work, options).run();
}

int available_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

}  // namespace windtunnel::sim
