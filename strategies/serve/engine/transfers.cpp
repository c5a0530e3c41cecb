#include "strategies/serve/engine/transfers.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

void KvTransfers::progress(double now) {
  for (Flow& flow : flows_) flow.left -= flow.rate * std::max(0.0, now - at_);
  at_ = std::max(at_, now);
}

// Max-min fair rates by filling: links are the engines' ways out, then their ways in.
void KvTransfers::share() {
  const std::size_t engines = rates_.size();
  std::vector<double> left(rates_);
  left.insert(left.end(), rates_.begin(), rates_.end());
  std::vector<std::int64_t> users(2 * engines, 0);
  for (Flow& flow : flows_) {
    flow.rate = -1;
    ++users[flow.from];
    ++users[engines + flow.to];
  }
  for (std::size_t settled = 0; settled < flows_.size();) {
    double least = std::numeric_limits<double>::infinity();
    std::size_t tightest = 0;
    for (std::size_t link = 0; link < left.size(); ++link) {
      if (users[link] == 0 || left[link] >= least * static_cast<double>(users[link])) continue;
      least = left[link] / static_cast<double>(users[link]);
      tightest = link;
    }
    for (Flow& flow : flows_) {
      if (flow.rate >= 0 || (flow.from != tightest && engines + flow.to != tightest)) continue;
      flow.rate = least;
      ++settled;
      for (const std::size_t link : {flow.from, engines + flow.to}) {
        left[link] = std::max(0.0, left[link] - least);
        --users[link];
      }
    }
  }
}

void KvTransfers::start(std::int64_t request, std::size_t from, std::size_t to, double bytes,
                        double now) {
  base::expects(rates_[from] > 0 && rates_[to] > 0, "engines that send keys have links");
  progress(now);
  const double alone = std::min(rates_[from], rates_[to]);
  flows_.push_back(
      {request, from, to, bytes + latency_ * alone, now, bytes / alone + latency_, alone});
  bytes_ += bytes;
  share();
}

std::optional<double> KvTransfers::next() const {
  if (flows_.empty()) return std::nullopt;
  double first = std::numeric_limits<double>::infinity();
  for (const Flow& flow : flows_) {
    if (flow.rate > 0) first = std::min(first, at_ + std::max(0.0, flow.left) / flow.rate);
  }
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
    return true;
  });
  if (!done.empty()) share();
  std::sort(done.begin(), done.end());
  return done;
}

}  // namespace windtunnel::strategies
