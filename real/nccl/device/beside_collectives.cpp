#include "real/nccl/device/beside_collectives.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

constexpr int kAttempts = 6;  // margins of 1.5 to 48
constexpr std::int64_t kMostCollectives = 20000;

}  // namespace

BesideCollectives::BesideCollectives(std::shared_ptr<CollectiveRun> run, const Stream& kernels)
    : run_(std::move(run)), kernels_(kernels) {
  constexpr std::int64_t kCalls = 10;
  const auto work = [this](std::int64_t) { run_->issue(); };
  run_->stopwatch().time(work, 0, 2);
  collective_ = run_->stopwatch().time(work, 0, kCalls) / static_cast<double>(kCalls);
}

base::Seconds BesideCollectives::time_alone(const Work& work, std::int64_t first,
                                            std::int64_t calls) {
  start_.record(kernels_);
  for (std::int64_t call = first; call < first + calls; ++call) work(call);
  stop_.record(kernels_);
  stop_.wait();
  return stop_.since(start_);
}

base::Seconds BesideCollectives::time(const Work& work, std::int64_t first, std::int64_t calls) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Batch batch = time_beside(work, first, calls);
    if (batch.cover == Batch::Cover::whole) return batch.time;
    margin_ *= 2.0;
  }
  throw base::EnvironmentError("the collectives end before the kernel beside them does");
}

BesideCollectives::Batch BesideCollectives::time_beside(const Work& work, std::int64_t first,
                                                        std::int64_t calls) {
  const base::Seconds alone = time_alone(work, first, calls);
  const double wanted = std::ceil(margin_ * (alone / collective_)) + 2.0;
  const auto count =
      static_cast<std::int64_t>(std::min(wanted, static_cast<double>(kMostCollectives)));
  const Stream& exchange = *run_->clique().members().front().stream;
  run_->issue();
  under_way_.record(exchange);
  for (std::int64_t i = 1; i < count; ++i) run_->issue();
  last_.record(exchange);
  check(cudaStreamWaitEvent(kernels_.get(), under_way_.get(), 0), "cudaStreamWaitEvent");
  Batch batch;
  batch.time = time_alone(work, first, calls);
  if (last_.has_happened()) batch.cover = Batch::Cover::partial;
  run_->wait();
  return batch;
}

}  // namespace windtunnel::real
