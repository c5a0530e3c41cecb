#include "scenarios/search/auto_values.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace windtunnel::scenarios {
namespace {

using Sizes = std::vector<std::int64_t>;

constexpr std::int64_t kMostBatch = 1024;  // of a server
constexpr std::int64_t kMostVirtual = 16;  // chunks of a stage that anyone runs

constexpr std::array<std::string_view, 9> kPaths{
    "strategy.tensor", "strategy.pipeline",    "strategy.context",
    "strategy.expert", "strategy.micro_batch", "strategy.virtual_stages",
    "strategy.zero",   "strategy.replicas",    "strategy.batching.max_batch"};

Sizes divisors(std::int64_t of, std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  Sizes small, large;
  for (std::int64_t i = 1; i * i <= of; ++i) {
    if (of % i != 0) continue;
    if (i <= most) small.push_back(i);
    if (i != of / i && of / i <= most) large.push_back(of / i);
  }
  small.insert(small.end(), large.rbegin(), large.rend());
  return small.empty() ? Sizes{1} : small;
}

Sizes powers_of_two(std::int64_t most) {
  Sizes out;
  for (std::int64_t i = 1; i <= most; i *= 2) out.push_back(i);
  return out;
}

struct Subject {
  const models::Model* model = nullptr;
  std::int64_t layers = 1;
  std::int64_t global_batch = 1;

  const models::Transformer* transformer() const {
    return std::get_if<models::Transformer>(&model->architecture);
  }
};

Subject subject_of(const Scenario& scenario) {
  const auto layers = [](const models::Network& network) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(network.order.size()) - 2);
  };
  if (const auto* train = std::get_if<TrainScenario>(&scenario.workload)) {
    return {train->model.get(), layers(*train->network), train->job.workload.global_batch};
  }
  const auto& serve = std::get<ServeScenario>(scenario.workload);
  return {serve.model.get(), layers(*serve.network), 1};
}

// Where embedding and head count as a layer each, those are shared out too.
Sizes virtual_stages(std::int64_t layers) {
  Sizes out;
  for (std::int64_t i = 1; i <= std::min(kMostVirtual, layers); ++i) {
    if (layers % i == 0 || (layers + 2) % i == 0) out.push_back(i);
  }
  return out;
}

}  // namespace

bool has_auto_values(std::string_view path) {
  return std::find(kPaths.begin(), kPaths.end(), path) != kPaths.end();
}

Sizes auto_values(std::string_view path, const Scenario& scenario) {
  const Subject subject = subject_of(scenario);
  const std::int64_t gpus = scenario.cluster->gpu_count();
  const models::Transformer* t = subject.transformer();
  const std::string_view name = path.substr(path.rfind('.') + 1);
  if (name == "tensor" && t != nullptr) {
    Sizes out = divisors(gpus);
    std::erase_if(out, [&](std::int64_t size) { return t->heads % size != 0; });
    return out;
  }
  if (name == "tensor") return {1};
  if (name == "pipeline") return divisors(gpus, subject.layers);
  if (name == "context") return t != nullptr ? divisors(gpus) : Sizes{1};
  if (name == "expert")
    return divisors(t != nullptr ? std::max<std::int64_t>(1, t->moe.experts) : 1);
  if (name == "micro_batch") return divisors(subject.global_batch);
  if (name == "virtual_stages") return virtual_stages(subject.layers);
  if (name == "zero") return {0, 1, 2, 3};
  return powers_of_two(name == "replicas" ? gpus : kMostBatch);
}

}  // namespace windtunnel::scenarios
