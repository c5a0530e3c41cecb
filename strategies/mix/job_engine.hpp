// One job's view of an engine that several jobs use, and what each sends over which link.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/base/fact.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/route_cache.hpp"

namespace windtunnel::strategies {

// Bytes over links by job, and how long jobs had transfers under way there (from their start to
// their end, latencies included).
class LinkMeter {
 public:
  LinkMeter(const sim::Network& network, std::size_t jobs);

  void begin(std::size_t job, const sim::TransferRequest& request, double now);
  void end(std::size_t job, const sim::TransferRequest& request, double now);

  struct Load {
    std::vector<double> bytes;         // by job
    std::vector<std::int64_t> active;  // transfers under way, by job
    int jobs_active = 0;
    double since = 0;   // of the last change of jobs_active
    double busy = 0;    // s with transfers of any job
    double shared = 0;  // s with transfers of two jobs or more
  };
  // By LinkId slot; empty `bytes`: never used.
  const std::vector<Load>& loads() const { return loads_; }

 private:
  void change(Load& load, std::size_t job, int by, double now);

  std::size_t jobs_;
  sim::RouteCache routes_;
  std::vector<Load> loads_;
};

// link, kind, bytes and utilisation over `time` of the links that were used, those of the most bytes
// first.
base::Table links_table(const std::vector<LinkMeter::Load>& loads, const sim::Network& network,
                        base::Seconds time, std::size_t most_rows);
const char* link_kind_text(sim::LinkKind kind);

// Time begins with the job: at `origin` of the shared engine.
class JobEngine final : public sim::Engine {
 public:
  // All are kept by reference and outlive it; nothing it made is called after it.
  JobEngine(sim::Engine& shared, LinkMeter& meter, std::size_t job, base::Seconds origin)
      : shared_(shared), meter_(meter), job_(job), origin_(origin) {}

  sim::EngineKind kind() const override { return shared_.kind(); }
  const sim::Network& network() const override { return shared_.network(); }
  base::Seconds now() const override { return shared_.now() - origin_; }
  void after(base::Seconds delay, sim::Callback callback) override {
    shared_.after(delay, std::move(callback));
  }
  void compute(sim::EndpointId device, int stream, base::Seconds duration,
               sim::Callback on_done) override {
    shared_.compute(device, stream, duration, std::move(on_done));
  }
  void transfer(const sim::TransferRequest& request, sim::Callback on_done) override;
  void run() override;  // a mistake: all jobs run together
  std::int64_t events() const override { return shared_.events(); }
  const std::vector<double>& bytes_by_link() const override { return shared_.bytes_by_link(); }

 private:
  sim::Engine& shared_;
  LinkMeter& meter_;
  std::size_t job_;
  base::Seconds origin_;
};

}  // namespace windtunnel::strategies
