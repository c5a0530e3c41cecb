// Tables of a mix: what its jobs share, their iterations, and who did what when. Private to
// strategies/mix.
#pragma once

#include "strategies/mix/mix_simulation.hpp"

namespace windtunnel::strategies {

// Links that carried bytes of two jobs and more, the busiest first.
struct SharedLink {
  std::size_t link = 0;
  double use = 0;  // of what it could have carried while the mix lasted
};
std::vector<SharedLink> shared_links(const MixRun& run, const sim::Network& network);

// link, kind, bandwidth, use, share of the time with transfers and with those of several jobs, and
// bytes of each job.
base::Table shared_links_table(const MixRun& run, const sim::Network& network,
                               std::span<const MixMember> jobs, std::int64_t most_rows);

// Iterations of training jobs that are measured, by their place.
std::vector<std::size_t> measured_iterations(const MixRun& run, std::size_t job);

base::Table iterations_table(const MixRun& run, std::span<const MixMember> jobs);

// Lanes of each job: iterations and a rank of its first stage (the first iterations), keys on
// their way. Columns as strategies/train/timeline_rows.hpp.
base::Table mix_timeline(const MixRun& run, std::span<const MixMember> jobs,
                         std::int64_t most_rows);

}  // namespace windtunnel::strategies
