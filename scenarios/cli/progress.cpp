#include "scenarios/cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>

#include "scenarios/cli/console.hpp"

namespace windtunnel::scenarios::cli {

namespace {
constexpr double kQuietSeconds = 1.0;   // nothing is shown before
constexpr double kRedrawSeconds = 0.1;  // nor more often than this
constexpr const char* kClearLine = "\r\x1b[K";
}  // namespace

std::string duration_text(double seconds) {
  if (seconds < 1.0) return fmt::format("{:.0f} ms", std::max(0.0, seconds) * 1e3);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string progress_text(std::int64_t done, std::int64_t total, double elapsed_s) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0.0;
  std::string text = fmt::format("{}/{} cases  {:.0f} %", done, total, 100.0 * share);
  if (done > 0 && done < total) {
    const double left = elapsed_s * static_cast<double>(total - done) / static_cast<double>(done);
    text += fmt::format("  {} left", duration_text(left));
  }
  return text;
}

Progress::Progress(ProgressMode mode)
    : enabled_(mode == ProgressMode::shown && is_terminal(STDERR_FILENO)) {}

Progress::~Progress() {
  clear();
}

void Progress::update(std::int64_t done, std::int64_t total) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double since_last = std::chrono::duration<double>(now - last_).count();
  if (elapsed < kQuietSeconds || (drawn_ && since_last < kRedrawSeconds)) return;
  write_stderr(kClearLine + progress_text(done, total, elapsed));
  drawn_ = true;
  last_ = now;
}

void Progress::clear() {
  if (drawn_) write_stderr(kClearLine);
  drawn_ = false;
}

}  // namespace windtunnel::scenarios::cli
