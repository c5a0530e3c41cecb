// Batch servers with made-up times, for tests.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "strategies/serve/batcher/batch_server.hpp"
#include "strategies/serve/batcher/serve_alone.hpp"

namespace windtunnel::strategies::test {

// Time of a batch by a formula; `device` of it is on the device, all of it unless stated.
class FormulaTime : public BatchTimeModel {
 public:
  using Formula = std::function<double(const Batch&)>;
  explicit FormulaTime(Formula formula, double host = 0)
      : formula_(std::move(formula)), host_(host) {}
  StepTime time(const Batch& batch) override {
    asked.push_back(batch);
    const base::Seconds device(formula_(batch)), total = device + base::Seconds(host_);
    return {.total = total, .latency = total, .device = device};
  }
  std::vector<Batch> asked;

 private:
  Formula formula_;
  double host_;
};

// Step of an LLM: `base` and `token` for each new token.
class LinearStep : public StepTimeModel {
 public:
  LinearStep(double base, double token) : base_(base), token_(token) {}
  StepTime time(const StepBatch& batch) override {
    const base::Seconds all(base_ + token_ * static_cast<double>(batch.tokens()));
    return {.total = all, .latency = all, .device = all};
  }

 private:
  double base_, token_;
};

inline Request request_at(double time) {
  return {.arrival = base::Seconds(time)};
}

// Requests that arrive at these times, one sample each.
inline Traffic arrivals_at(const std::vector<double>& times) {
  Traffic traffic;
  for (const double time : times) {
    traffic.requests.push_back(request_at(time));
    traffic.requests.back().id = std::ssize(traffic.requests) - 1;
  }
  traffic.follows.assign(times.size(), -1);
  return traffic;
}

inline BatchServer server_of(const Batching& batching, const Traffic& traffic,
                             std::shared_ptr<BatchTimeModel> times) {
  return {batching, one_pass_work(std::move(times), InputPadding::removed), traffic.requests};
}

// Batches in the order of their start: the requests of each.
inline std::vector<std::vector<std::int64_t>> batches_of(
    const std::vector<RequestRecord>& records) {
  std::vector<std::pair<double, std::vector<std::int64_t>>> found;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const double start = records[i].start.value();
    if (records[i].start >= kNever) continue;
    auto same = std::find_if(found.begin(), found.end(),
                             [&](const auto& batch) { return batch.first == start; });
    if (same == found.end()) same = found.insert(found.end(), {start, {}});
    same->second.push_back(static_cast<std::int64_t>(i));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::vector<std::int64_t>> out;
  for (auto& batch : found) out.push_back(std::move(batch.second));
  return out;
}

}  // namespace windtunnel::strategies::test
