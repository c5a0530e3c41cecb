#include "scenarios/bind_train.hpp"

#include <fmt/format.h>

#include <set>
#include <string>

#include "scenarios/import_model.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

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
  return out;
}

}  // namespace windtunnel::scenarios
