#include "strategies/serve/engine/transfers.hpp"

#include <algorithm>
#include <limits>

namespace windtunnel::strategies {

double KvTransfers::rate(const Flow& flow) const {
  return std::min(
      rates_[flow.from] / static_cast<double>(std::max<std::int64_t>(1, out_[flow.from])),
      rates_[flow.to] / static_cast<double>(std::max<std::int64_t>(1, in_[flow.to])));
}

void KvTransfers::progress(double now) {
  for (Flow& flow : flows_) flow.left -= rate(flow) * std::max(0.0, now - at_);
  at_ = std::max(at_, now);
}

void KvTransfers::start(std::int64_t request, std::size_t from, std::size_t to, double bytes,
                        double now) {
  progress(now);
  const double alone = std::min(rates_[from], rates_[to]);
  // The latency as bytes that the link could have sent meanwhile.
  flows_.push_back({request, from, to, bytes + latency_ * alone, now, bytes / alone + latency_});
  ++out_[from];
  ++in_[to];
  bytes_ += bytes;
}

std::optional<double> KvTransfers::next() const {
  if (flows_.empty()) return std::nullopt;
  double first = std::numeric_limits<double>::infinity();
  for (const Flow& flow : flows_)
    first = std::min(first, at_ + std::max(0.0, flow.left) / rate(flow));
  return first;
}

std::vector<std::int64_t> KvTransfers::finish(double now) {
  progress(now);
  std::vector<std::int64_t> done;
  std::erase_if(flows_, [&](const Flow& flow) {
    if (flow.left > 1e-9 * rates_[flow.from]) return false;
    done.push_back(flow.request);
    taken_ += now - flow.start;
    alone_ += flow.alone;
    --out_[flow.from];
    --in_[flow.to];
    return true;
  });
  std::sort(done.begin(), done.end());
  return done;
}

void KvTransfers::add_engine(double link_rate) {
  rates_.push_back(link_rate);
  out_.push_back(0);
  in_.push_back(0);
}

}  // namespace windtunnel::strategies
