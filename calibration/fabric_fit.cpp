#include "calibration/fabric_fit.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "calibration/repeated_rows.hpp"
#include "calibration/robust_fit.hpp"

namespace windtunnel::calibration {
namespace {

using Rows = std::vector<const CollectiveMeasurement*>;
using Repeats = std::vector<const RepeatedRow*>;

// Prior widths of the lower levels, as shares of the parameters' own.
constexpr double kSettingSpread = 0.6, kOpSpread = 0.6;
constexpr double kOpSigma = 0.05;
constexpr std::size_t kRowsForShifts = 40;  // of one fabric
constexpr double kCommonSpread = 0.25;  // of what a fabric's launch, hops or rates have in common
// A fabric counts as about one observation of its generation and transport, whatever its rows.
constexpr double kFabricWeight = 1.0;

PreparedCase prepared_row(const CollectiveMeasurement& row) {
  PreparedCase prepared = prepare(case_of(row));
  prepared.log_time = std::log(row.time.value() * 1e6);
  return prepared;
}

// Cases and weights of a fit.
struct FitRows {
  std::vector<PreparedCase> cases;
  std::vector<double> weights;

  explicit FitRows(const Repeats& rows) {
    for (const RepeatedRow* one : rows) {
      cases.push_back(one->prepared);
      weights.push_back(one->weight());
    }
  }
};

template <typename Key>
std::map<Key, Repeats> grouped(const Repeats& rows,
                               const std::function<Key(const CollectiveMeasurement&)>& key) {
  std::map<Key, Repeats> groups;
  for (const RepeatedRow* one : rows) groups[key(*one->row)].push_back(one);
  return groups;
}

Rows thinned(Rows rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
    return std::tuple(a->op, a->nodes, a->gpus_per_node, a->bytes.value()) <
           std::tuple(b->op, b->nodes, b->gpus_per_node, b->bytes.value());
  });
  if (rows.size() <= kRowsForShifts) return rows;
  Rows out;
  for (std::size_t i = 0; i < kRowsForShifts; ++i)
    out.push_back(rows[i * (rows.size() - 1) / (kRowsForShifts - 1)]);
  return out;
}

ParamVector direction(ParamGroup group) {
  ParamVector out = ParamVector::Zero();
  for (const ParamInfo& info : param_table()) {
    if (info.group == group) out[static_cast<int>(info.param)] = 1.0;
  }
  return out;
}

// Rows of one generation or transport, weighted so that every fabric counts alike.
struct ShiftRows {
  std::vector<PreparedCase> rows;
  std::vector<double> weights;
  int fabrics = 0;
};

ShiftRows shift_rows(const std::map<std::string, Rows>& fabrics,
                     const std::function<bool(const LinkFacts&)>& belongs) {
  ShiftRows out;
  for (const auto& [key, rows] : fabrics) {
    std::vector<PreparedCase> mine;
    for (const auto* row : rows) {
      PreparedCase prepared = prepared_row(*row);
      if (belongs(prepared.the_case.links)) mine.push_back(prepared);
    }
    if (mine.empty()) continue;
    ++out.fabrics;
    const double weight = kFabricWeight / static_cast<double>(mine.size());
    out.weights.insert(out.weights.end(), mine.size(), weight);
    out.rows.insert(out.rows.end(), mine.begin(), mine.end());
  }
  return out;
}

Eigen::VectorXd shifts_of(const ShiftRows& rows, std::vector<ParamVector> directions) {
  ShiftProblem problem;
  problem.rows = &rows.rows;
  problem.weights = rows.weights;
  problem.directions = std::move(directions);
  return fit_shifts(problem);
}

void note_seen(Seen& seen, const RepeatedRow& one) {
  const CollectiveMeasurement& row = *one.row;
  SeenOp& op = seen[row.op];
  const double bytes = row.bytes.value();
  op.least_bytes = op.rows == 0 ? bytes : std::min(op.least_bytes, bytes);
  op.most_bytes = std::max(op.most_bytes, bytes);
  op.nodes.insert(row.nodes);
  op.gpus_per_node.insert(row.gpus_per_node);
  op.rows += static_cast<int>(one.log_times.size());
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

// What is left of log time once the curves are taken off.
double median_left(const Residuals& residuals, const std::vector<ResidualRow>& rows) {
  const ResidualField field(residuals);
  std::vector<double> left;
  for (const ResidualRow& row : rows)
    left.push_back(std::abs(row.residual - field.at(row.the_case, 1.0).mean));
  return quantile(left, 0.5);
}

class FabricFitter {
 public:
  explicit FabricFitter(const SharedShifts& shared) : shared_(shared) {}

  Fabric fit_fabric(const Rows& rows) const {
    Fabric fabric;
    fabric.gpu = rows[0]->gpu;
    fabric.name = rows[0]->fabric;
    fabric.rows = static_cast<int>(rows.size());
    const std::vector<RepeatedRow> merged = merge_repeats(rows);
    Repeats all;
    for (const RepeatedRow& one : merged) all.push_back(&one);
    const FitRows fitted(all);
    const std::vector<PreparedCase>& cases = fitted.cases;
    fabric.generation = cases[0].the_case.links.generation();
    for (const PreparedCase& c : cases) {
      if (fabric.transport == Transport::none) fabric.transport = c.the_case.links.transport;
    }
    FitProblem problem;
    problem.rows = &cases;
    problem.weights = fitted.weights;
    problem.mean = common_shift(cases, shared_params(shared_, fabric.generation, fabric.transport));
    const FitResult result = fit(problem);
    fabric.params = result.params;
    fabric.standard_error = result.standard_error;
    for (const RepeatedRow* one : all) note_seen(fabric.seen, *one);
    fit_settings(fabric, all);
    return fabric;
  }

 private:
  // What all latencies or all rates of a kind have in common in this fabric: ops and protocols that
  // were not measured follow those that were.
  static ParamVector common_shift(const std::vector<PreparedCase>& cases, const ParamVector& mean) {
    ShiftProblem problem;
    problem.rows = &cases;
    problem.mean = mean;
    for (const ParamGroup group :
         {ParamGroup::host, ParamGroup::intra_latency, ParamGroup::intra_rate})
      problem.directions.push_back(direction(group));
    const double rows = static_cast<double>(cases.size());
    problem.weights.assign(cases.size(), std::min(1.0, static_cast<double>(kRowsForShifts) / rows));
    problem.spread = kCommonSpread;
    const Eigen::VectorXd z = fit_shifts(problem);
    ParamVector moved = mean;
    for (std::size_t j = 0; j < problem.directions.size(); ++j)
      moved += z[static_cast<Eigen::Index>(j)] * problem.directions[j];
    return moved;
  }

  using SettingKey = std::tuple<std::string, std::string, std::string, std::string>;

  void fit_settings(Fabric& fabric, const Repeats& rows) const {
    const auto groups = grouped<SettingKey>(rows, [](const CollectiveMeasurement& m) {
      return SettingKey{m.interconnect, m.launch, m.tuning, m.stack};
    });
    std::vector<ResidualRow> left;
    for (const auto& [key, mine] : groups) {
      Setting setting;
      std::tie(setting.interconnect, setting.launch, setting.tuning, setting.stack) = key;
      for (const RepeatedRow* one : mine) {
        note_seen(setting.seen, *one);
        setting.rows += static_cast<int>(one->log_times.size());
      }
      setting.params =
          groups.size() > 1 ? refit(mine, fabric.params, kSettingSpread, 0.08) : fabric.params;
      fit_ops(setting, mine);
      for (const RepeatedRow* one : mine) {
        const double modelled = log_time(params_of(setting, one->row->op), one->prepared);
        for (const double measured : one->log_times)
          left.push_back({one->prepared.the_case, measured - modelled});
      }
      fabric.settings.push_back(std::move(setting));
    }
    fabric.residuals = fit_residuals(left);
    fabric.median_abs_error = median_left(fabric.residuals, left);
  }

  void fit_ops(Setting& setting, const Repeats& rows) const {
    const auto groups =
        grouped<collectives::Op>(rows, [](const CollectiveMeasurement& m) { return m.op; });
    if (groups.size() < 2) return;
    for (const auto& [op, mine] : groups)
      setting.by_op[op] = refit(mine, setting.params, kOpSpread, kOpSigma);
    add_twin(setting, collectives::Op::broadcast, collectives::Op::reduce);
    add_twin(setting, collectives::Op::all_gather, collectives::Op::reduce_scatter);
  }

  // Twins take the same steps in opposite directions: one that was not measured follows the other.
  static void add_twin(Setting& setting, collectives::Op a, collectives::Op b) {
    if (setting.by_op.contains(a) == setting.by_op.contains(b)) return;
    const bool first = setting.by_op.contains(a);
    ParamVector params = setting.by_op.at(first ? a : b);
    double& gather = params[static_cast<int>(Param::rate_all_gather)];
    double& scatter = params[static_cast<int>(Param::rate_reduce_scatter)];
    if (a == collectives::Op::all_gather) (first ? scatter : gather) = first ? gather : scatter;
    setting.by_op[first ? b : a] = params;
  }

  static ParamVector refit(const Repeats& rows, const ParamVector& parent, double share,
                           double sigma) {
    const FitRows fitted(rows);
    FitProblem problem;
    problem.rows = &fitted.cases;
    problem.weights = fitted.weights;
    problem.mean = parent;
    problem.spread = prior_spread() * share;
    problem.sigma = sigma;
    return fit(problem).params;
  }

  static const ParamVector& params_of(const Setting& setting, collectives::Op op) {
    const auto own = setting.by_op.find(op);
    return own == setting.by_op.end() ? setting.params : own->second;
  }

  const SharedShifts& shared_;
};

std::map<std::string, Rows> by_fabric(const std::vector<CollectiveMeasurement>& rows) {
  std::map<std::string, Rows> groups;
  for (const CollectiveMeasurement& row : rows) {
    if (row.ranks() >= 2 && row.bytes.value() > 0.0) groups[fabric_key(row)].push_back(&row);
  }
  return groups;
}

}  // namespace

SharedShifts fit_shared_shifts(const std::vector<CollectiveMeasurement>& rows) {
  auto fabrics = by_fabric(rows);
  std::set<std::string> generations;
  std::set<Transport> transports;
  for (auto& [key, mine] : fabrics) {
    mine = thinned(mine);
    for (const auto* row : mine) {
      const LinkFacts links = case_of(*row).links;
      if (row->nodes == 1)
        generations.insert(links.generation());
      else
        transports.insert(links.transport);
    }
  }
  SharedShifts shared;
  for (const std::string& generation : generations) {
    const ShiftRows mine = shift_rows(fabrics, [&](const LinkFacts& links) {
      return links.transport == Transport::none && links.generation() == generation;
    });
    const auto z =
        shifts_of(mine, {direction(ParamGroup::host), direction(ParamGroup::intra_latency),
                         direction(ParamGroup::intra_rate)});
    shared.generation[generation] = {z[0], z[1], z[2], 0.0, mine.fabrics};
  }
  for (const Transport transport : transports) {
    const ShiftRows mine =
        shift_rows(fabrics, [&](const LinkFacts& links) { return links.transport == transport; });
    const auto z =
        shifts_of(mine, {direction(ParamGroup::net_latency), direction(ParamGroup::net_rate),
                         direction(ParamGroup::net_rate_low)});
    shared.transport[to_text(transport)] = {0.0, z[0], z[1], z[2], mine.fabrics};
  }
  return shared;
}

FabricProfile fit_profile(const std::vector<CollectiveMeasurement>& rows,
                          const FitOptions& options) {
  FabricProfile profile;
  profile.shared = options.shared ? *options.shared : fit_shared_shifts(rows);
  const FabricFitter fitter(profile.shared);
  for (const auto& [key, mine] : by_fabric(rows))
    profile.fabrics.push_back(fitter.fit_fabric(mine));
  return profile;
}

}  // namespace windtunnel::calibration
