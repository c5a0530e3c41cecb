#include "scenarios/bind_train.hpp"

#include <fmt/format.h>

#include <set>
#include <string>

#include "scenarios/import_model.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/serve_checks.hpp"

namespace windtunnel::scenarios {
namespace {

// Each dimension once.
void check_rank_order(const Node& strategy, base::Diagnostics& diagnostics) {
  const Node& order = *strategy.find("rank_order");
  std::set<std::string> seen;
  for (const Node& item : order.items) {
    if (!seen.insert(item.text).second) {
      diagnostics.error(item.where,
                        fmt::format("strategy.rank_order names '{}' twice; it has to name "
                                    "tensor, context, data and pipeline once each",
                                    item.text));
    }
  }
}

// Lengths of samples against what else says how full rows are.
void check_samples(const Node& workload, const models::Network& network,
                   base::Diagnostics& diagnostics) {
  const Node* lengths = workload.find("lengths");
  const Node& packing = *workload.find("packing");
  if (lengths == nullptr) {
    if (packing.text == "padded") return;
    diagnostics.error(
        packing.where,
        fmt::format("packing {} needs workload.lengths: how long samples are", packing.text));
    return;
  }
  if (!check_length(*lengths, "workload.lengths", diagnostics)) return;
  if (network.sample != models::SampleKind::sequence) {
    diagnostics.error(lengths->where,
                      "this model has no sequences, so its samples have no lengths");
  }
  const Node& filled = *workload.find("filled");
  if (checked_number(filled, number_type({})) != 1.0) {
    diagnostics.error(filled.where, "workload.lengths says how full rows are: leave 'filled' out");
  }
}

}  // namespace

strategies::TrainStrategy bind_train_strategy(const Node& resolved,
                                              base::Diagnostics& diagnostics) {
  strategies::TrainStrategy out;
  check_rank_order(resolved, diagnostics);
  bind_structure(strategy_structure(), resolved, &out);
  return out;
}

std::optional<TrainScenario> bind_train(const Node& resolved, base::Diagnostics& diagnostics) {
  TrainScenario out;
  bind_structure(train_structure(), *resolved.find("workload"), &out.job.workload);
  out.job.strategy = bind_train_strategy(*resolved.find("strategy"), diagnostics);
  auto model = bind_model(*resolved.find("model"), diagnostics);
  if (!model) return std::nullopt;
  out.network = std::make_shared<const models::Network>(models::build_network(*model));
  out.model = std::make_shared<const models::Model>(*std::move(model));
  check_samples(*resolved.find("workload"), *out.network, diagnostics);
  return out;
}

}  // namespace windtunnel::scenarios
