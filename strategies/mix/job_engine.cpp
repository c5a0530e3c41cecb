#include "strategies/mix/job_engine.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

LinkMeter::LinkMeter(const sim::Network& network, std::size_t jobs)
    : jobs_(jobs), routes_(network, sim::RouteCache::Keep::links), loads_(network.links().size()) {}

void LinkMeter::change(Load& load, std::size_t job, int by, double now) {
  const std::int64_t before = load.active[job];
  load.active[job] += by;
  const bool was = before > 0, is = load.active[job] > 0;
  if (was == is) return;
  if (load.jobs_active >= 1) load.busy += now - load.since;
  if (load.jobs_active >= 2) load.shared += now - load.since;
  load.since = now;
  load.jobs_active += is ? 1 : -1;
}

void LinkMeter::begin(std::size_t job, const sim::TransferRequest& request, double now) {
  for (const sim::LinkId link : routes_.find(request.from, request.to).links) {
    Load& load = loads_[link.slot()];
    if (load.bytes.empty()) {
      load.bytes.assign(jobs_, 0.0);
      load.active.assign(jobs_, 0);
    }
    load.bytes[job] += request.bytes.value();
    change(load, job, 1, now);
  }
}

void LinkMeter::end(std::size_t job, const sim::TransferRequest& request, double now) {
  for (const sim::LinkId link : routes_.find(request.from, request.to).links)
    change(loads_[link.slot()], job, -1, now);
}

const char* link_kind_text(sim::LinkKind kind) {
  switch (kind) {
    case sim::LinkKind::scale_up:
      return "scale-up";
    case sim::LinkKind::pcie:
      return "PCIe";
    case sim::LinkKind::nic:
      return "NIC";
    case sim::LinkKind::fabric:
      return "fabric";
    case sim::LinkKind::loopback:
      return "loopback";
  }
  return "";
}

base::Table links_table(const std::vector<LinkMeter::Load>& loads, const sim::Network& network,
                        base::Seconds time, std::size_t most_rows) {
  std::vector<std::pair<double, std::size_t>> used;  // less the bytes
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const double bytes = std::accumulate(loads[i].bytes.begin(), loads[i].bytes.end(), 0.0);
    if (bytes > 0) used.emplace_back(-bytes, i);
  }
  std::sort(used.begin(), used.end());
  used.resize(std::min(used.size(), most_rows));
  base::Table table{{"link", "kind", "bytes", "utilisation"}, {}};
  for (const auto& [less, i] : used) {
    const sim::Link& link = network.links()[i];
    table.rows.push_back({network.link_name(sim::LinkId(static_cast<std::int32_t>(i))),
                          std::string(link_kind_text(link.kind)), -less,
                          -less / (link.bandwidth.value() * time.value())});
  }
  return table;
}

void JobEngine::transfer(const sim::TransferRequest& request, sim::Callback on_done) {
  if (request.from == request.to) return shared_.transfer(request, std::move(on_done));
  meter_.begin(job_, request, shared_.now().value());
  shared_.transfer(request, [this, request, done = std::move(on_done)] {
    meter_.end(job_, request, shared_.now().value());
    if (done) done();
  });
}

void JobEngine::run() {
  base::expects(false, "the jobs of a mix run together");
}

}  // namespace windtunnel::strategies
