#include "strategies/serve/engine/saturation.hpp"

#include <algorithm>
#include <cmath>

namespace windtunnel::strategies {
namespace {

// Standard deviations of what bursts leave.
constexpr double kWaiting = 1.5, kDoubt = 2, kCertain = 5;
constexpr double kGrowth = 0.05;     // of the requests that come
constexpr double kMeasured = 0.25;   // share of the requests that comes after the system has filled
constexpr double kFilled = 0.9;      // share of the first quarter's requests that is answered
constexpr double kInSystem = 0.1;    // of all requests, at the last arrival
constexpr double kQueueing = 0.2;    // of the time of a closed loop's requests
constexpr std::int64_t kNotOne = 8;  // requests that wait and mean nothing yet

bool open_loop(const ServeJob& job) {
  switch (job.workload.arrivals.process) {
    case ArrivalProcess::closed_loop:
    case ArrivalProcess::single_stream:
    case ArrivalProcess::multi_stream:
      return false;
    default:
      return job.workload.conversations.turns <= 1 || job.workload.trace != nullptr;
  }
}

// Requests that came and were taken, in order of arrival.
class OpenLoad {
 public:
  explicit OpenLoad(const ServedRun& run) {
    for (const RequestRecord& record : run.records) {
      if (has_come(record) && record.fate != Fate::rejected) came_.push_back(&record);
    }
    const auto earlier = [](const RequestRecord* a, const RequestRecord* b) {
      return a->arrival < b->arrival;
    };
    std::stable_sort(came_.begin(), came_.end(), earlier);
  }

  Saturation judge() const {
    if (came_.empty()) return Saturation::no;
    const base::Seconds last = came_.back()->arrival;
    const auto waiting = std::count_if(came_.begin(), came_.end(),
                                       [&](const auto* one) { return one->start > last; });
    if (last <= came_.front()->arrival) return at_once(waiting);
    const double count = static_cast<double>(came_.size());
    const base::Seconds filled = came_.front()->arrival + time_to_fill();
    const auto first = std::upper_bound(
        came_.begin(), came_.end(), filled,
        [](base::Seconds time, const RequestRecord* one) { return time < one->arrival; });
    const double later = static_cast<double>(came_.end() - first);
    const double clearly_waiting = std::max(kWaiting * bursts(count), double{kNotOne});
    if (static_cast<double>(waiting) > clearly_waiting) return Saturation::yes;
    if (later < kMeasured * count || later < kDoubt * bursts(later)) {
      const bool doubt = in_system(last) > std::max<double>(kNotOne, kInSystem * count);
      return doubt ? Saturation::unknown : Saturation::no;
    }
    const double growth = in_system(last) - in_system(filled);
    if (growth < kGrowth * later || growth < kDoubt * bursts(later)) return Saturation::no;
    return growth > kCertain * bursts(later) ? Saturation::yes : Saturation::unknown;
  }

 private:
  // All come at the same time: as fast as can be.
  Saturation at_once(std::int64_t waiting) const {
    double queue = 0, total = 0;
    for (const RequestRecord* one : came_) {
      if (one->fate != Fate::completed) continue;
      queue += (one->start - one->arrival).value();
      total += (one->finish - one->arrival).value();
    }
    const bool many = waiting > kNotOne && waiting * 10 > std::ssize(came_);
    return many && queue > kQueueing * total ? Saturation::yes : Saturation::no;
  }

  // kNever where requests of the first quarter are not answered.
  base::Seconds time_to_fill() const {
    std::vector<base::Seconds> took;
    const std::size_t quarter = std::max<std::size_t>(1, came_.size() / 4);
    for (std::size_t i = 0; i < quarter; ++i) took.push_back(came_[i]->finish - came_[i]->arrival);
    std::sort(took.begin(), took.end());
    return took[static_cast<std::size_t>(kFilled * static_cast<double>(took.size() - 1))];
  }

  double in_system(base::Seconds time) const {
    double count = 0;
    for (const RequestRecord* one : came_) count += one->arrival <= time && one->finish > time;
    return count;
  }

  // What bursts leave of so many requests: one standard deviation.
  double bursts(double requests) const {
    const double gaps = static_cast<double>(came_.size() - 1);
    const double mean = (came_.back()->arrival - came_.front()->arrival).value() / gaps;
    double squares = 0;
    for (std::size_t i = 1; i < came_.size(); ++i) {
      const double off = (came_[i]->arrival - came_[i - 1]->arrival).value() / mean - 1.0;
      squares += off * off;
    }
    return std::sqrt(requests * (squares / gaps + 1.0));
  }

  std::vector<const RequestRecord*> came_;
};

// Whether a fixed number of clients wait for each other.
Saturation closed_loop(const ServeJob& job, const ServedRun& run) {
  double queue = 0, total = 0;
  const auto skip =
      std::min(static_cast<std::size_t>(job.workload.warmup_requests), run.records.size());
  for (std::size_t i = skip; i < run.records.size(); ++i) {
    const RequestRecord& one = run.records[i];
    if (one.fate != Fate::completed) continue;
    queue += std::max(0.0, (one.start - one.arrival).value());
    total += (one.finish - one.arrival).value();
  }
  return queue > kQueueing * total ? Saturation::yes : Saturation::no;
}

}  // namespace

Saturation judge_saturation(const ServeJob& job, const ServedRun& run) {
  if (job.workload.mode == ServeMode::offline) return Saturation::no;
  return open_loop(job) ? OpenLoad(run).judge() : closed_loop(job, run);
}

}  // namespace windtunnel::strategies
