#include "calibration/repeated_rows.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "calibration/fabric_profile.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kMostWeight = 8.0;

// What two rows of one case agree in.
auto case_key(const CollectiveMeasurement& row) {
  return std::tuple(row.op, row.algorithm, row.protocol, row.bytes.value(), row.nodes,
                    row.gpus_per_node, std::string_view(row.interconnect),
                    std::string_view(row.launch), std::string_view(row.tuning),
                    std::string_view(row.stack));
}

}  // namespace

double RepeatedRow::weight() const {
  return std::min(kMostWeight, static_cast<double>(log_times.size()));
}

std::vector<RepeatedRow> merge_repeats(const std::vector<const CollectiveMeasurement*>& rows) {
  std::vector<RepeatedRow> merged;
  std::map<decltype(case_key(*rows.front())), std::size_t> places;
  for (const CollectiveMeasurement* row : rows) {
    const auto [place, is_new] = places.try_emplace(case_key(*row), merged.size());
    if (is_new) merged.push_back({row, {}, prepare(case_of(*row))});
    merged[place->second].log_times.push_back(std::log(row->time.value() * 1e6));
  }
  for (RepeatedRow& one : merged) one.prepared.log_time = base::median(one.log_times);
  return merged;
}

}  // namespace windtunnel::calibration
