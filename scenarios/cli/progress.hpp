// "  12/66 cases  18 %  4 s left" on one line of stderr, rewritten in place; only on a terminal and
// only once a second has passed, so that quick runs and logs stay clean.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace windtunnel::scenarios::cli {

enum class ProgressMode { shown, hidden };

// "850 ms", "12 s", "3 min 20 s", "2 h 5 min".
std::string duration_text(double seconds);

// Estimates time left as elapsed x (total - done) / done.
std::string progress_text(std::int64_t done, std::int64_t total, double elapsed_s);

class Progress {
 public:
  explicit Progress(ProgressMode mode);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done, std::int64_t total);
  // Takes the line away; called by the destructor too.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_{};
};

}  // namespace windtunnel::scenarios::cli
