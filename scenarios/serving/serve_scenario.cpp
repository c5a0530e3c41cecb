#include "scenarios/serving/serve_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/gpu_library.hpp"
#include "models/networks/counts.hpp"
#include "models/networks/library.hpp"
#include "scenarios/serving/loadgen_batches.hpp"
#include "scenarios/serving/loadgen_llms.hpp"
#include "scenarios/serving/serve_defaults.hpp"

namespace windtunnel::scenarios {
namespace {

using base::BytesPerSecond;
using base::Seconds;
using models::NumberFormat;
using strategies::ServeJob;

constexpr std::int64_t kMostRequests = 4'000;  // of a closed loop: its steady state is long reached

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

// What a table calls a precision.
std::optional<NumberFormat> precision_of(const std::string& text) {
  const std::string name = lower(text);
  if (name.empty()) return std::nullopt;
  if (const auto exact = models::number_format_from(name)) return exact;
  if (name == "fp4" || has(name, "nvfp4")) return NumberFormat::nvfp4;
  if (has(name, "mxfp4") || has(name, "w4a16_mxfp4")) return NumberFormat::mxfp4_weights;
  if (has(name, "int4")) return NumberFormat::int4_weights;
  if (has(name, "fp8_block")) return NumberFormat::fp8_block;
  if (has(name, "fp8")) return NumberFormat::fp8;
  if (has(name, "int8")) return NumberFormat::int8;
  if (name == "bfloat16") return NumberFormat::bf16;
  if (name == "float16") return NumberFormat::fp16;
  return std::nullopt;
}

class JobMaker {
 public:
  JobMaker(const ServeRow& row, std::vector<std::string>& inferred)
      : row_(row), harness_(harness_of(row)), inferred_(inferred) {}

  ServeJob make(const models::Model& model, const models::Network& network) {
    const auto* t = std::get_if<models::Transformer>(&model.architecture);
    experts_ = t != nullptr && t->moe.experts > 0;
    tokens_ = t != nullptr && t->role == models::TransformerRole::decoder;
    parameters_ = static_cast<double>(models::parameters(network));
    job_.strategy.software =
        row_.version.empty() ? row_.framework : fmt::format("{} {}", row_.framework, row_.version);
    say("harness", harness_.name);
    layout();
    precision();
    engine();
    if (row_.run == ServeRun::replay) {
      job_.workload.trace = std::make_shared<const std::vector<strategies::Request>>(row_.requests);
    } else if (const LoadgenBatches* batches =
                   is_loadgen() ? loadgen_batches(row_.model) : nullptr) {
      plan_loadgen(row_, *batches, job_, inferred_);
    } else {
      lengths(network);
      arrivals();
    }
    return std::move(job_);
  }

 private:
  // Rows of TensorRT-LLM's performance overview 1.0 that call a whole node "TP8" run attention
  // data-parallel (enable_attention_dp) and experts spread out where a model has them.
  bool spreads_experts() const {
    return experts_ && row_.run == ServeRun::offline && row_.version == "1.0" &&
           job_.strategy.tensor == 8 && job_.strategy.data == 1;
  }
  bool is_loadgen() const {
    return row_.run == ServeRun::loadgen_offline || row_.run == ServeRun::loadgen_server ||
           row_.run == ServeRun::loadgen_single_stream ||
           row_.run == ServeRun::loadgen_multi_stream;
  }

  void say(std::string_view what, std::string_view value) {
    inferred_.push_back(fmt::format("{}: {}", what, value));
  }

  // "TP 16 of experts 4 x 4": SGLang's tp and ep ranks are the same GPUs, so
  // that a table that multiplies them says the square.
  std::int64_t tensor_of(const ServeLayout& layout) {
    const std::int64_t tensor = std::max<std::int64_t>(1, layout.tensor.value_or(1));
    const std::int64_t moe = layout.moe_tensor.value_or(0);
    const std::int64_t expert = layout.moe_expert.value_or(0);
    if (moe > 1 && moe == expert && tensor == moe * expert) {
      say("tensor", fmt::format("{} with as many expert ranks (the table says {})", moe, tensor));
      return moe;
    }
    return tensor;
  }

  void layout() {
    auto& s = job_.strategy;
    s.tensor = tensor_of(row_.layout);
    s.pipeline = std::max<std::int64_t>(1, row_.layout.pipeline.value_or(1));
    s.data = std::max<std::int64_t>(1, row_.layout.attention_data.value_or(1));
    if (experts_ && !row_.layout.attention_data) {
      // Experts over more GPUs than attention: attention runs data-parallel.
      const std::int64_t wide =
          row_.layout.moe_tensor.value_or(1) * row_.layout.moe_expert.value_or(1);
      if (wide > s.tensor && wide % s.tensor == 0) {
        s.data = wide / s.tensor;
        say("data", fmt::format("{} (experts over {} GPUs)", s.data, wide));
      }
    }
    if (spreads_experts()) {
      std::swap(s.data, s.tensor);
      s.expert = s.data;
      say("data", fmt::format("{} (TensorRT-LLM 1.0: experts' models on all of a node)", s.data));
      return;
    }
    s.expert = std::clamp<std::int64_t>(row_.layout.moe_expert.value_or(1), 1, s.tensor * s.data);
    const std::int64_t engine = s.tensor * s.pipeline * s.data;
    if (row_.gpus && *row_.gpus > engine) {
      s.replicas = *row_.gpus / engine;
      say("replicas", fmt::format("{}", s.replicas));
    }
    if (!row_.disaggregated) return;
    s.disaggregate.prefill = row_.prefill_workers;
    s.disaggregate.decode = row_.decode_workers;
    s.disaggregate.prefill_tensor =
        tensor_of(row_.prefill) *
        std::max<std::int64_t>(1, row_.prefill.attention_data.value_or(1));
    s.disaggregate.decode_tensor = s.tensor;
  }

  void precision() {
    auto& s = job_.strategy;
    auto found = precision_of(row_.precision);
    if (!found) {
      // The name of a checkpoint says what it holds.
      found = precision_of(has(lower(row_.model), "fp8") ? "fp8" : "bf16");
      say("precision", models::to_text(*found));
    }
    s.precision = *found;
    if (has(lower(row_.model), "gpt-oss") || has(lower(row_.model), "gpt oss")) {
      // Published with experts in MXFP4; Blackwell multiplies it with 8-bit activations.
      const auto gpu = models::gpu_named(gpu_name_of(row_.gpu));
      const bool narrow_products = gpu && gpu->architecture == "blackwell";
      s.precision = narrow_products ? NumberFormat::mxfp4_mxfp8 : NumberFormat::mxfp4_weights;
      say("precision", models::to_text(s.precision));
    }
    const auto kv = precision_of(row_.kv_precision);
    const bool trtllm = has(lower(row_.framework), "tensorrt") || row_.framework == "trtllm";
    const bool block = s.precision == NumberFormat::fp8_block;
    const bool narrow = models::weight_bytes(s.precision) < 2.0 && (!block || harness_.narrow_keys);
    const bool narrow_keys = narrow && (trtllm || harness_.narrow_keys);
    s.kv_precision = kv ? *kv : narrow_keys ? NumberFormat::fp8 : NumberFormat::bf16;
    if (!kv) say("kv_precision", models::to_text(s.kv_precision));
  }

  void engine() {
    auto& s = job_.strategy;
    auto& b = s.batching;
    b.max_tokens = row_.max_tokens.value_or(harness_.max_tokens);
    const std::int64_t clients = row_.concurrency.value_or(0);
    b.max_batch = row_.max_batch.value_or(
        harness_.max_batch > 0 ? harness_.max_batch : std::max<std::int64_t>(1, clients));
    b.order = harness_.order;
    b.poll_steps = poll_steps_of(harness_, clients);
    s.kv.memory_fraction = harness_.memory_fraction;
    s.kv.prefix_caching = harness_.prefix_caching;
    if (is_loadgen()) plan_loadgen_llm(row_, parameters_, job_, inferred_);
    if (row_.run == ServeRun::fixed_batch) {
      b.policy = strategies::BatchingPolicy::fixed;
      b.max_batch = std::max<std::int64_t>(1, row_.batch.value_or(1));
    }
  }

  strategies::Lengths varied(std::int64_t length) const {
    if (harness_.shortest >= 1.0) return strategies::ConstantLength{length};
    const auto least = static_cast<std::int64_t>(harness_.shortest * static_cast<double>(length));
    return strategies::UniformLength{std::max<std::int64_t>(1, least), length};
  }

  void lengths(const models::Network& network) {
    auto& w = job_.workload;
    const bool tokens = network.sample == models::SampleKind::sequence;
    if (tokens && (!row_.input || !row_.output)) {
      set_loadgen_lengths(row_.model, job_.workload, inferred_);
      return;
    }
    w.input = varied(std::max<std::int64_t>(1, row_.input.value_or(1)));
    w.output = varied(std::max<std::int64_t>(1, row_.output.value_or(1)));
  }

  void arrivals();

  const ServeRow& row_;
  const ServeHarness& harness_;
  std::vector<std::string>& inferred_;
  bool experts_ = false, tokens_ = false;
  double parameters_ = 0;
  ServeJob job_;
};

void JobMaker::arrivals() {
  auto& w = job_.workload;
  auto& a = w.arrivals;
  using Process = strategies::ArrivalProcess;
  switch (row_.run) {
    case ServeRun::closed_loop:
      a.process = Process::closed_loop;
      a.concurrency = *row_.concurrency;
      a.requests = std::min(a.concurrency * harness_.requests_a_client,
                            std::max(kMostRequests, 2 * a.concurrency));
      break;
    case ServeRun::offline:
      w.mode = strategies::ServeMode::offline;
      a.process = Process::all_at_once;
      a.requests = std::min(offline_requests(row_.input.value_or(1), row_.output.value_or(1)),
                            kMostRequests);
      break;
    case ServeRun::fixed_batch:
      w.mode = strategies::ServeMode::offline;
      a.process = Process::all_at_once;
      a.requests = std::max<std::int64_t>(1, row_.batch.value_or(1));
      break;
    case ServeRun::loadgen_offline:
      w.mode = strategies::ServeMode::offline;
      a.process = Process::offline;
      // Of LLMs what the rules ask for: the end, when the batch runs empty, is a part of the time.
      a.requests = tokens_ ? 24'576 : 8'192;
      break;
    case ServeRun::loadgen_server:
      a.process = Process::server;
      a.rate = 1;  // searched for
      a.requests = 4'096;
      break;
    case ServeRun::loadgen_single_stream:
      a.process = Process::single_stream;
      a.requests = 1'024;
      break;
    case ServeRun::loadgen_multi_stream:
      a.process = Process::multi_stream;
      a.query_samples = 8;
      a.requests = 662;
      break;
    case ServeRun::replay:
      break;
  }
}

sim::Cluster cluster_of(const sim::Gpu& gpu, std::int64_t gpus) {
  sim::Cluster cluster;
  cluster.name = "measured";
  const bool rack = gpu.name == "gb200" || gpu.name == "gb300";
  const std::int64_t node = std::min<std::int64_t>(gpus, rack ? 4 : 8);
  cluster.node.gpu = gpu;
  cluster.node.gpus = static_cast<int>(node);
  cluster.nodes = static_cast<int>((gpus + node - 1) / node);
  const bool nvlink = gpu.nvlink_bandwidth.value() > 0;
  cluster.node.scale_up = {
      .kind = nvlink ? sim::ScaleUpKind::nvswitch : sim::ScaleUpKind::pcie,
      .bandwidth = nvlink ? gpu.nvlink_bandwidth : gpu.pcie_bandwidth,
      .latency = Seconds(1e-6),
      .size = static_cast<int>(rack ? std::min<std::int64_t>(72, cluster.nodes * node) : node)};
  if (cluster.nodes > 1) {
    cluster.node.nics = {.count = static_cast<int>(node),
                         .bandwidth = BytesPerSecond(50e9),
                         .latency = Seconds(2e-6)};
    cluster.fabric = {
        .kind = sim::FabricKind::switched, .levels = 1, .switch_latency = Seconds(300e-9)};
    cluster.fabric.interconnect = "InfiniBand";
  }
  return cluster;
}

std::int64_t gpus_of(const strategies::ServeStrategy& s) {
  if (s.disaggregate.on())
    return s.disaggregate.prefill * s.disaggregate.prefill_tensor * s.pipeline +
           s.disaggregate.decode * s.disaggregate.decode_tensor * s.pipeline * s.data;
  return s.replicas * s.tensor * s.pipeline * s.data;
}

}  // namespace

ServeTurning scenario_of(const ServeRow& row) {
  const std::string name = gpu_name_of(row.gpu);
  auto gpu = models::gpu_named(name);
  if (!gpu) return {std::nullopt, fmt::format("no GPU is called '{}'", row.gpu)};
  const bool of_loadgen = loadgen_batches(row.model) != nullptr || is_loadgen_llm(row.model);
  const bool saves_power = of_loadgen && has(lower(row.id), "maxq");
  if (saves_power) gpu->power *= kMaxQPower;
  auto model = models::model_by_name(row.model);
  if (!model) return {std::nullopt, fmt::format("nothing is known of the model '{}'", row.model)};
  auto network = std::make_shared<const models::Network>(models::build_network(*model));
  std::vector<std::string> inferred;
  if (saves_power) inferred.push_back(fmt::format("power: {:.0f} W (MaxQ)", gpu->power.value()));
  ServeJob job = JobMaker(row, inferred).make(*model, *network);
  base::Diagnostics diagnostics;
  auto cluster = validate(cluster_of(*gpu, gpus_of(job.strategy)),
                          {row.origin.file, row.origin.line, 1}, diagnostics);
  if (!cluster) return {std::nullopt, "no such cluster: " + diagnostics.to_text()};
  return {
      MeasuredServe{std::make_shared<const models::Model>(*std::move(model)), std::move(network),
                    *std::move(cluster), std::move(job), std::move(inferred)},
      ""};
}

}  // namespace windtunnel::scenarios
