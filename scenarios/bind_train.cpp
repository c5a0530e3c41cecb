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

// Lengths of samples against what else says how full rows are. Pre: each is one distribution.
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

void settle_schedule(const Node& given, Node& resolved, base::Diagnostics& diagnostics) {
  const Node& chunks = *resolved.find("virtual_stages");
  Node& schedule = *resolved.find("schedule");
  if (checked_integer(chunks) == 1 || schedule.text != "1f1b") return;
  schedule.text = "interleaved";
  const Node* stated = given.find("schedule");
  if (stated == nullptr || stated->kind != NodeKind::scalar) return;
  diagnostics.warning(stated->where,
                      fmt::format("schedule 1f1b with virtual_stages {} is 1F1B over chunks: it is "
                                  "taken as `schedule: interleaved`",
                                  chunks.text));
}

strategies::TrainStrategy bind_train_strategy(const Node& resolved,
                                              base::Diagnostics& diagnostics) {
  strategies::TrainStrategy out;
  check_rank_order(resolved, diagnostics);
  bind_structure(strategy_structure(), resolved, &out);
  return out;
}

std::optional<TrainScenario> bind_train(const Node& resolved, base::Diagnostics& diagnostics) {
  const Node* lengths = resolved.find("workload")->find("lengths");
  if (lengths != nullptr && !check_length(*lengths, "workload.lengths", diagnostics)) {
    return std::nullopt;
  }
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
