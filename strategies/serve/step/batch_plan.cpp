#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "models/networks/counts.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/step/batch_step_time.hpp"
#include "strategies/serve/step/engine_memory.hpp"
#include "strategies/serve/step/serve_formats.hpp"

namespace windtunnel::strategies {
namespace {

constexpr double kContext = 700.0 * 1024 * 1024;  // CUDA context and the compiler's workspaces

bool is_recommendation(const models::Model& model) {
  return std::holds_alternative<models::RecommendationModel>(model.architecture);
}

// The widest map or row that a sample keeps at once, twice (in and out), elements.
double widest(const models::Network& network, double tokens) {
  double most = 0;
  for (const models::Block& block : network.blocks) {
    for (const models::Op& op : block.ops) {
      if (const auto* map = std::get_if<models::ConvolutionWork>(&op.work)) {
        const double in = static_cast<double>(map->in_channels * map->in_positions);
        const double out = static_cast<double>(map->out_channels * map->out_positions);
        most = std::max(most, in + out);
      } else if (const auto* row = std::get_if<models::LinearWork>(&op.work)) {
        const bool once = op.rows.basis == models::RowBasis::sequence;
        most = std::max(most, static_cast<double>(row->inputs + row->outputs) *
                                  static_cast<double>(op.rows.per) * (once ? 1.0 : tokens));
      }
    }
  }
  return most;
}

EngineMemory batch_memory(const ServeJob& job, const ServeSubject& subject, const sim::Gpu& gpu,
                          const models::Formats& formats) {
  const ServeStrategy& s = job.strategy;
  EngineMemory memory;
  memory.capacity = visible_memory(gpu) * s.kv.memory_fraction;
  double weights = 0;
  for (const std::size_t index : subject.network.order) {
    for (const models::Op& op : subject.network.blocks[index].ops) {
      const bool table = std::holds_alternative<models::EmbeddingWork>(op.work);
      const double share =
          table && is_recommendation(subject.model) ? static_cast<double>(s.tensor) : 1.0;
      weights +=
          static_cast<double>(op.parameters.total()) * models::weight_bytes(formats.linear) / share;
    }
  }
  const double tokens = mean_sequence(job.workload);
  double elements = widest(subject.network, tokens);
  if (const auto* unet = std::get_if<models::DiffusionUnet>(&subject.model.architecture)) {
    const models::Network decoder = models::image_decoder(*unet);
    weights += static_cast<double>(models::parameters(decoder)) * 2.0;
    elements = std::max(elements, widest(decoder, 1.0));
  }
  memory.weights = base::Bytes(weights);
  const std::int64_t samples = s.batching.max_batch * s.batching.instances;
  memory.activation_peak = base::Bytes(static_cast<double>(std::max<std::int64_t>(1, samples)) *
                                       elements * models::activation_bytes(formats.linear));
  memory.context = base::Bytes(kContext);
  return memory;
}

std::string structure(const ServeJob& job, const ServeSubject& subject, const ServeSite& site) {
  const ServeStrategy& s = job.strategy;
  const auto* transformer = std::get_if<models::Transformer>(&subject.model.architecture);
  if (transformer != nullptr && transformer->role == models::TransformerRole::encoder_decoder) {
    return fmt::format(
        "{} makes tokens from the output of an encoder, and serving knows decoders alone or "
        "encoders "
        "alone; workload.kind train has both",
        subject.model.name);
  }
  if (s.pipeline > 1 || s.data > 1 || s.expert > 1) {
    return fmt::format("{} is served without pipeline, data or expert ranks: replicas multiply it",
                       subject.model.name);
  }
  if (s.tensor > 1 && !is_recommendation(subject.model)) {
    return fmt::format("{} is not split over tensor {}: replicas multiply it", subject.model.name,
                       s.tensor);
  }
  if (s.tensor < 1 || s.tensor > site.cluster->gpu_count()) {
    return fmt::format("tensor {} asks for more GPUs than the {} of the cluster", s.tensor,
                       site.cluster->gpu_count());
  }
  return {};
}

}  // namespace

BatchPlanning make_batch_plan(const ServeJob& job, const ServeSubject& subject,
                              const ServeSite& site) {
  BatchPlanning planning;
  planning.infeasible = structure(job, subject, site);
  if (!planning.infeasible.empty()) return planning;
  const ServeStrategy& s = job.strategy;
  const sim::Gpu& gpu = site.cluster->node.gpu;
  const bool rows = is_recommendation(subject.model);
  // A batch norm is part of its convolution; an instance norm needs the map's own statistics.
  const auto* maps = std::get_if<models::ConvolutionalNetwork>(&subject.model.architecture);
  const bool folded = maps != nullptr && maps->family != models::ConvolutionalFamily::unet3d;
  const auto* unet = std::get_if<models::DiffusionUnet>(&subject.model.architecture);
  const models::Formats formats = serve_formats(s.precision, s.kv_precision);
  const auto batches = std::make_shared<FusedBatchTime>(BatchOptions{
      .network = std::make_shared<models::Network>(subject.network),
      .once = unet != nullptr ? std::make_shared<models::Network>(models::image_decoder(*unet))
                              : nullptr,
      .norms = folded ? BatchOptions::Norms::folded : BatchOptions::Norms::kernels,
      .rows = rows ? BatchOptions::SampleRows::tokens : BatchOptions::SampleRows::samples,
      // Samples that are there at once are batched by length.
      .lengths = job.workload.mode == ServeMode::offline ? BatchOptions::Lengths::sorted
                                                         : BatchOptions::Lengths::mixed,
      .formats = formats,
      .tensor = s.tensor,
      .gpu = gpu,
      .cluster = site.cluster,
      .kernels = site.kernels,
      .links = site.links});
  BatchPlan plan{.batches = batches,
                 .gpus = s.tensor,
                 .memory = batch_memory(job, subject, gpu, formats),
                 .gpu = gpu.name,
                 .software = "fused graph of an inference compiler (TensorRT)",
                 .rests_on = batches->rests_on()};
  plan.notes = batches->notes();
  const base::Bytes needed =
      plan.memory.weights + plan.memory.activation_peak + plan.memory.context;
  if (needed > plan.memory.capacity) {
    constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
    planning.infeasible = fmt::format(
        "{} does not fit: weights of {:.1f} GiB and {:.1f} GiB of activations in {:.1f} GiB of a "
        "{}",
        subject.model.name, plan.memory.weights.value() / kGiB,
        plan.memory.activation_peak.value() / kGiB, plan.memory.capacity.value() / kGiB, gpu.name);
  }
  planning.warnings = rank_warnings(s);
  planning.plan = std::move(plan);
  return planning;
}

}  // namespace windtunnel::strategies
