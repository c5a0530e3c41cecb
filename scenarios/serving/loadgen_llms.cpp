#include "scenarios/serving/loadgen_llms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "models/gpu_library.hpp"
#include "models/kernels/number_format.hpp"
#include "scenarios/serving/serve_defaults.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Seconds;
using models::NumberFormat;

// Limits of Server (mlperf.conf) at the 99th percentile; the batch that TensorRT's submitters build for;
// beams that the benchmark's rules ask for.
struct LoadgenLlm {
  std::string_view model;  // what the name of the benchmark begins with
  strategies::Slo limits{};
  std::int64_t max_batch = 256;
  std::int64_t beams = 1;
};
constexpr NumberFormat kPrecision = NumberFormat::fp8;

const LoadgenLlm* loadgen_llm(std::string_view name) {
  static const std::array<LoadgenLlm, 4> kModels{{
      {"gptj", {.e2e = Seconds(20)}, 256, 4},
      {"llama2-70b", {.ttft = Seconds(2), .tpot = Seconds(0.2)}, 1024},
      {"llama3.1-405b", {.ttft = Seconds(6), .tpot = Seconds(0.175)}, 512},
      {"mixtral-8x7b", {.ttft = Seconds(2), .tpot = Seconds(0.2)}, 1024},
  }};
  const auto found = std::find_if(kModels.begin(), kModels.end(), [&](const LoadgenLlm& one) {
    return name.starts_with(one.model);
  });
  return found == kModels.end() ? nullptr : &*found;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

}  // namespace

bool is_loadgen_llm(std::string_view model) {
  return loadgen_llm(model) != nullptr;
}

void plan_loadgen_llm(const ServeRow& row, double parameters, strategies::ServeJob& job,
                      std::vector<std::string>& inferred) {
  const LoadgenLlm* known = loadgen_llm(row.model);
  if (known == nullptr) return;
  auto& s = job.strategy;
  job.workload.slo = known->limits;
  const bool vllm = lower(row.id + row.framework).find("vllm") != std::string::npos;
  s.software = vllm ? "vllm 0.5" : "trtllm 0.12";
  s.precision = s.kv_precision = kPrecision;
  s.beams = known->beams;
  s.batching.order =
      vllm ? strategies::ContinuousOrder::prefill_first : strategies::ContinuousOrder::no_evict;
  s.batching.max_batch = known->max_batch;
  const std::int64_t gpus = std::max<std::int64_t>(1, row.gpus.value_or(1));
  const auto gpu = models::gpu_named(gpu_name_of(row.gpu));
  const auto full = [&](std::int64_t tensor) {
    return parameters * models::weight_bytes(kPrecision) / static_cast<double>(tensor) >
           0.75 * gpu->memory.value();
  };
  s.tensor = 1;
  while (gpu && s.tensor < gpus && full(s.tensor)) s.tensor *= 2;
  s.replicas = std::max<std::int64_t>(1, gpus / s.tensor);
  inferred.push_back(fmt::format("precision: {}", models::to_text(kPrecision)));
  inferred.push_back(fmt::format("software: {}", s.software));
  inferred.push_back(fmt::format("tensor: {}", s.tensor));
  if (s.beams > 1) inferred.push_back(fmt::format("beams: {} (the benchmark's rule)", s.beams));
}

void set_loadgen_lengths(const std::string& model, strategies::ServeWorkload& workload,
                         std::vector<std::string>& inferred) {
  struct DataSet {
    std::string_view model;
    std::int64_t input;
    double output, spread;
  };
  // CNN/DailyMail; a mix of OpenOrca, GSM8K and MBXP; OpenOrca.
  constexpr std::array<DataSet, 3> kDataSets{
      {{"gptj", 870, 69, 0.35}, {"mixtral", 426, 146, 0.71}, {"", 294, 294, 0.57}}};
  const std::string name = lower(model);
  const DataSet& set = *std::find_if(kDataSets.begin(), kDataSets.end(), [&](const DataSet& one) {
    return name.find(one.model) != std::string::npos;
  });
  const double median = set.output * std::exp(-set.spread * set.spread / 2.0);
  workload.input = strategies::ConstantLength{set.input};
  workload.output = strategies::LognormalLength{median, set.spread};
  inferred.push_back(
      fmt::format("lengths: {} in, {:.0f} out on average, lognormal with sigma {} (MLPerf's data)",
                  set.input, set.output, set.spread));
}

}  // namespace windtunnel::scenarios
