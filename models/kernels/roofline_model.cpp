#include "models/kernels/roofline_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "models/gpu_library.hpp"
#include "models/kernels/all_reduce_form.hpp"
#include "models/kernels/attention_form.hpp"
#include "models/kernels/copy_form.hpp"
#include "models/kernels/gemm_form.hpp"
#include "models/kernels/memory_form.hpp"
#include "models/kernels/moe_form.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

// Half-widths of ln time at 90 %.
constexpr double kLeastGemmBand = 0.3, kAttentionBand = 0.55, kMoeBand = 0.6, kMemoryBand = 0.5;
constexpr double kLaunchBand = 0.6, kCopyBand = 0.35, kAllReduceBand = 0.7;

constexpr double kCollectiveMultiprocessors = 16;
constexpr double kMostSlowdown = 2.0;

constexpr std::size_t kOps = 16, kDirections = 7;

KernelTime banded(double seconds, double half_width) {
  const double factor = std::exp(half_width);
  return {base::Seconds(seconds), base::Seconds(seconds / factor), base::Seconds(seconds * factor),
          Basis::roofline, true};
}

constexpr double kQuantile90 = 1.645;  // standard deviations of a 90 % band

template <class Enum>
std::size_t at(Enum value) {
  return static_cast<std::size_t>(value);
}

// What a user's sheet may leave out and the forms need: counts of a data-centre GPU of the Ampere
// generation.
sim::Gpu completed(sim::Gpu gpu) {
  constexpr int kMultiprocessors = 108;
  constexpr double kL2 = 40.0 * 1024 * 1024;
  if (gpu.streaming_multiprocessors <= 0) gpu.streaming_multiprocessors = kMultiprocessors;
  if (gpu.l2_cache.value() <= 0.0) gpu.l2_cache = base::Bytes(kL2);
  return gpu;
}

}  // namespace

struct RooflineModel::Forms {
  sim::Gpu gpu;
  double bandwidth = 0;
  std::vector<double> peak;  // by number format
  struct Gemm {
    GemmForm form;
    double band;
  };
  std::vector<Gemm> gemm;  // by number format
  struct Moe {
    MoeDevice device;
    MoeDefaults defaults;
  };
  std::vector<Moe> moe;  // by number format
  struct Attention {
    AttentionDevice device;
    AttentionDefaults defaults;
  };
  std::vector<Attention> attention;  // by number format
  std::vector<MemoryForm> memory;    // by op
  std::vector<CopyForm> copy;        // by direction
  std::vector<AllReduceForm> all_reduce;

  explicit Forms(sim::Gpu of)
      : gpu(completed(std::move(of))), bandwidth(gpu.memory_bandwidth.value()) {
    base::expects(bandwidth > 0, "a data sheet gives the memory bandwidth");
    for (const NumberFormat format : all_number_formats()) {
      peak.push_back(peak_of(gpu, math_peak(format)).value());
      base::expects(peak.back() > 0, "a data sheet gives at least one peak");
      const DefaultGemm product = default_gemm_parameters(gpu, format);
      gemm.push_back({GemmForm(gpu, format, product.parameters),
                      std::max(kLeastGemmBand, kQuantile90 * product.log_spread)});
      attention.push_back(
          {attention_device(gpu, format), default_attention_parameters(gpu, format)});
      moe.push_back({moe_device(gpu, format), default_moe_parameters(gpu, format)});
    }
    for (std::size_t op = 0; op < kOps; ++op) {
      const auto parameters = default_memory_parameters(gpu, static_cast<MemoryOp>(op)).parameters;
      memory.emplace_back(gpu, parameters);
    }
    for (std::size_t d = 0; d < kDirections; ++d) {
      const auto direction = static_cast<CopyDirection>(d);
      copy.emplace_back(gpu, direction, default_copy_parameters(direction));
    }
    for (const DispatchMode mode : {DispatchMode::graph, DispatchMode::eager})
      all_reduce.emplace_back(gpu, default_all_reduce_parameters(gpu, mode));
  }

  // Unfused attention: the products and passes it consists of, without a list of them.
  double unfused(const AttentionQuery& q) const {
    const double scores = static_cast<double>(q.batch * q.heads) * static_cast<double>(q.q_len) *
                          static_cast<double>(std::max(q.kv_len, q.q_len));
    // Written by the first product, read and written by the softmax, read by the second.
    const double passes = q.phase == AttentionPhase::backward ? 8 : 4;
    AttentionQuery whole = q;
    whole.mask = AttentionMask::full;
    const double math = flops(whole).value() / (0.5 * peak[at(q.format)]);
    return 3 * 4e-6 + math +
           (passes * scores * output_bytes(q.format) + bytes(q).value()) / (0.7 * bandwidth);
  }
};

RooflineModel::RooflineModel(sim::Gpu gpu)
    : forms_(std::make_unique<const Forms>(std::move(gpu))) {}
RooflineModel::~RooflineModel() = default;

const sim::Gpu& RooflineModel::gpu() const {
  return forms_->gpu;
}

std::string RooflineModel::name() const {
  return "roofline of " + forms_->gpu.name;
}

KernelTime RooflineModel::time(const GemmQuery& query) const {
  const Forms::Gemm& gemm = forms_->gemm[at(query.format)];
  return banded(gemm.form.time(query).value(), gemm.band);
}

KernelTime RooflineModel::time(const AttentionQuery& query) const {
  if (query.kernel == AttentionKernel::unfused)
    return banded(forms_->unfused(query), kAttentionBand);
  const Forms::Attention& form = forms_->attention[at(query.format)];
  switch (query.phase) {
    case AttentionPhase::context:
      return banded(context_time(query, form.defaults.context, form.device), kAttentionBand);
    case AttentionPhase::decode:
      return banded(decode_time(query, form.defaults.decode, form.device), kAttentionBand);
    case AttentionPhase::backward:
      return banded(backward_time(query, form.defaults.context, form.device), kAttentionBand);
  }
  return banded(1e-6, kAttentionBand);
}

KernelTime RooflineModel::time(const MoeQuery& query) const {
  const Forms::Moe& moe = forms_->moe[at(query.format)];
  return banded(moe_time(query, moe.defaults.parameters, moe.device), kMoeBand);
}

KernelTime RooflineModel::time(const MemoryQuery& query) const {
  return banded(forms_->memory[at(query.op)].time(std::max(1.0, query.bytes.value())), kMemoryBand);
}

KernelTime RooflineModel::time(const LaunchQuery& query) const {
  return banded(default_launch_time(query.kind), kLaunchBand);
}

KernelTime RooflineModel::time(const CopyQuery& query) const {
  return banded(forms_->copy[at(query.direction)].time(std::max(1.0, query.bytes.value())),
                kCopyBand);
}

KernelTime RooflineModel::time(const FusedAllReduceQuery& query) const {
  base::expects(query.gpus >= 2, "an all-reduce has at least two GPUs");
  return banded(forms_->all_reduce[at(query.dispatch)].time(static_cast<double>(query.gpus),
                                                            std::max(1.0, query.bytes.value())),
                kAllReduceBand);
}

double RooflineModel::slowdown(const InterferenceQuery& query) const {
  if (query.background == Background::none) return 1.0;
  const sim::Gpu& gpu = forms_->gpu;
  const double link = query.background == Background::host_copy
                          ? copy_link_rate(gpu, CopyDirection::host_to_device)
                          : copy_link_rate(gpu, CopyDirection::peer);
  const double memory_share = std::min(0.5, link / forms_->bandwidth);
  const double sms = std::max(32.0, static_cast<double>(gpu.streaming_multiprocessors));
  const double sm_share =
      query.background == Background::collective ? kCollectiveMultiprocessors / sms : 0.0;
  // Products and attention lose the SMs; memory-bound kernels lose the bandwidth.
  const double share = query.kernel == KernelClass::memory ? memory_share : sm_share;
  return std::min(kMostSlowdown, 1.0 / (1.0 - std::min(0.5, share)));
}

std::string RooflineModel::note(const KernelQuery&) const {
  return fmt::format(
      "no kernel of {} was measured: data sheet with the efficiencies of its nearest measured "
      "relative",
      forms_->gpu.name);
}

}  // namespace windtunnel::models
