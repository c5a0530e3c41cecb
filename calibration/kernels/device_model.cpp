#include "calibration/kernels/device_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/component_model.hpp"
#include "calibration/kernels/device_stand_ins.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

using models::KernelTime;

constexpr double kTwinBand = 0.05, kOtherStackBand = 0.10, kNearBand = 0.20, kOtherGpuBand = 0.25;

// One slot: who answers, how much wider its band is than it says, and why.
template <class Query>
struct Slot {
  BoundComponent<Query> model;
  double scale = 1.0;  // of an updated profile
  double low_factor = 1.0, high_factor = 1.0;
  bool other_gpu = false;
  std::string note;

  KernelTime time(const Query& query) const {
    KernelTime t = model->time(query);
    t.time = t.time * scale;
    t.low = t.low * (low_factor * scale);
    t.high = t.high * (high_factor * scale);
    t.extrapolated = t.extrapolated || other_gpu;
    return t;
  }
};

template <class Query>
using Bind = BoundComponent<Query> (*)(const Component&, const sim::Gpu&);

// Fills a slot: exact or twin in the profile asked for, then in the others; near in the one asked for,
// then in the others.
class Binder {
 public:
  Binder(const std::vector<KernelProfile>& profiles, const sim::Gpu& gpu)
      : profiles_(profiles), gpu_(gpu) {}

  template <class Query>
  Slot<Query> bind(const std::vector<ComponentKey>& keys, Bind<Query> bind_component) const {
    for (const bool near : {false, true}) {
      for (std::size_t p = 0; p < profiles_.size(); ++p) {
        for (const ComponentKey& key : keys) {
          if ((key.likeness == Likeness::near) != near) continue;
          const Component* found = most_rows(profiles_[p], key);
          if (found == nullptr) continue;
          Slot<Query> slot;
          slot.model = bind_component(*found, gpu_);
          if (slot.model == nullptr) continue;
          slot.scale = parameter_or(*found, "scale", 1.0);
          describe(slot, profiles_[p], key, keys[0]);
          return slot;
        }
      }
    }
    return {};
  }

 private:
  static const Component* most_rows(const KernelProfile& profile, const ComponentKey& key) {
    const Component* best = nullptr;
    for (const Component& c : profile.components) {
      if (c.kind != key.kind || c.format != key.format) continue;
      if (best == nullptr || c.rows_used > best->rows_used) best = &c;
    }
    return best;
  }

  template <class Query>
  void describe(Slot<Query>& slot, const KernelProfile& profile, const ComponentKey& key,
                const ComponentKey& asked) const {
    double wider = 0.0;
    const bool stands_in = key.likeness != Likeness::exact;
    const bool other_stack = &profile != &profiles_[0];
    if (stands_in)
      wider = std::hypot(wider, key.likeness == Likeness::twin ? kTwinBand : kNearBand);
    if (other_stack) wider = std::hypot(wider, kOtherStackBand);
    slot.other_gpu = profile.gpu != gpu_.name;
    if (slot.other_gpu) wider = std::hypot(wider, kOtherGpuBand);
    slot.high_factor = std::exp(wider);
    slot.low_factor = 1.0 / slot.high_factor;
    if (!stands_in && !other_stack && !slot.other_gpu) return;
    const std::string carried =
        slot.other_gpu ? fmt::format(", carried over from {} by the data sheet", profile.gpu) : "";
    // Ops of memory are named by kind alone, so that one sentence stands for all of them.
    const bool by_kind = !stands_in && asked.kind == "memory";
    slot.note = fmt::format("no rows of {}{} with {} on {}: {} in {} stand in{}", asked.kind,
                            by_kind ? " ops" : " " + asked.format, profiles_[0].stack, gpu_.name,
                            stands_in ? "those of " + key.format : "those", profile.name, carried);
  }

  const std::vector<KernelProfile>& profiles_;
  const sim::Gpu& gpu_;
};

constexpr std::size_t kFormats = 15, kPhases = 3, kOps = 16, kLaunches = 8, kDirections = 7;

template <class Enum>
constexpr std::size_t at(Enum value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

struct DeviceModel::Tables {
  std::vector<KernelProfile> profiles;
  std::array<Slot<models::GemmQuery>, kFormats> gemm;
  // By phase, format, format of the cache; unfused kernels have slots of their own.
  std::array<std::array<std::array<Slot<models::AttentionQuery>, kFormats>, kFormats>, kPhases>
      attention;
  std::array<Slot<models::MoeQuery>, kFormats> moe;
  std::array<Slot<models::MemoryQuery>, kOps> memory;
  std::array<Slot<models::LaunchQuery>, kLaunches> launch;
  std::array<Slot<models::CopyQuery>, kDirections> copy;
  std::array<Slot<models::FusedAllReduceQuery>, 2> all_reduce;
  std::array<std::array<double, 4>, 3> slowdown{};  // by kernel class, background; 0: not measured

  void bind(const sim::Gpu& gpu) {
    const Binder binder(profiles, gpu);
    const auto& formats = models::all_number_formats();
    base::ensures(formats.size() == kFormats, "a slot for every number format");
    for (const models::NumberFormat format : formats) {
      gemm[at(format)] = binder.bind<models::GemmQuery>(gemm_keys(format), bind_gemm);
      moe[at(format)] = binder.bind<models::MoeQuery>(moe_keys(format), bind_moe);
      for (std::size_t phase = 0; phase < kPhases; ++phase)
        for (const models::NumberFormat cache : formats)
          attention[phase][at(format)][at(cache)] = binder.bind<models::AttentionQuery>(
              attention_keys(static_cast<models::AttentionPhase>(phase), format, cache),
              bind_attention);
    }
    for (std::size_t op = 0; op < kOps; ++op)
      memory[op] = binder.bind<models::MemoryQuery>(memory_keys(static_cast<models::MemoryOp>(op)),
                                                    bind_memory);
    for (std::size_t kind = 0; kind < kLaunches; ++kind)
      launch[kind] = binder.bind<models::LaunchQuery>(
          launch_keys(static_cast<models::LaunchKind>(kind)), bind_launch);
    for (std::size_t direction = 0; direction < kDirections; ++direction)
      copy[direction] = binder.bind<models::CopyQuery>(
          copy_keys(static_cast<models::CopyDirection>(direction)), bind_copy);
    for (const models::DispatchMode mode :
         {models::DispatchMode::graph, models::DispatchMode::eager})
      all_reduce[at(mode)] =
          binder.bind<models::FusedAllReduceQuery>(all_reduce_keys(mode), bind_all_reduce);
    read_interference();
  }

  void read_interference() {
    for (const KernelProfile& profile : profiles)
      for (const Component& component : profile.components)
        if (component.kind == "interference")
          if (const auto place = interference_place(component))
            slowdown[place->first][place->second] = place->factor;
  }
};

DeviceModel::DeviceModel(std::vector<KernelProfile> profiles, sim::Gpu gpu)
    : roofline_(std::move(gpu)) {
  base::expects(!profiles.empty(), "a device model has a profile");
  auto tables = std::make_unique<Tables>();
  tables->profiles = std::move(profiles);
  tables->bind(roofline_.gpu());
  tables_ = std::move(tables);
}
DeviceModel::~DeviceModel() = default;

std::string DeviceModel::name() const {
  return tables_->profiles.front().name;
}

const std::vector<KernelProfile>& DeviceModel::profiles() const {
  return tables_->profiles;
}

KernelTime DeviceModel::time(const models::GemmQuery& query) const {
  const auto& slot = tables_->gemm[at(query.format)];
  return slot.model ? slot.time(query) : roofline_.time(query);
}

KernelTime DeviceModel::time(const models::AttentionQuery& query) const {
  if (query.kernel == models::AttentionKernel::unfused) return unfused_time(*this, query);
  const auto& slot = tables_->attention[at(query.phase)][at(query.format)][at(query.kv_format)];
  return slot.model ? slot.time(query) : roofline_.time(query);
}

KernelTime DeviceModel::time(const models::MoeQuery& query) const {
  const auto& slot = tables_->moe[at(query.format)];
  return slot.model ? slot.time(query) : roofline_.time(query);
}

KernelTime DeviceModel::time(const models::MemoryQuery& query) const {
  const auto& slot = tables_->memory[at(query.op)];
  return slot.model ? slot.time(query) : roofline_.time(query);
}

KernelTime DeviceModel::time(const models::LaunchQuery& query) const {
  const auto& slot = tables_->launch[at(query.kind)];
  return slot.model ? slot.time(query) : roofline_.time(query);
}

KernelTime DeviceModel::time(const models::CopyQuery& query) const {
  const auto& slot = tables_->copy[at(query.direction)];
  return slot.model ? slot.time(query) : roofline_.time(query);
}

KernelTime DeviceModel::time(const models::FusedAllReduceQuery& query) const {
  base::expects(query.gpus >= 2, "an all-reduce has at least two GPUs");
  const auto& slot = tables_->all_reduce[at(query.dispatch)];
  return slot.model ? slot.time(query) : roofline_.time(query);
}

double DeviceModel::slowdown(const models::InterferenceQuery& query) const {
  const double measured = tables_->slowdown[at(query.kernel)][at(query.background)];
  return measured > 0.0 ? measured : roofline_.slowdown(query);
}

std::string DeviceModel::note(const models::KernelQuery& query) const {
  const Tables& t = *tables_;
  const auto of = [&](const auto& slot) {
    return slot.model ? slot.note
                      : fmt::format(
                            "{} has no such rows and nothing near them: data sheet of {} with "
                            "the efficiencies of its nearest measured relative",
                            name(), gpu().name);
  };
  struct Visitor {
    const Tables& t;
    const decltype(of)& text;
    std::string operator()(const models::GemmQuery& q) const { return text(t.gemm[at(q.format)]); }
    std::string operator()(const models::AttentionQuery& q) const {
      if (q.kernel == models::AttentionKernel::unfused)
        return "no stack's unfused attention was measured: the sum of its products and "
               "memory-bound steps";
      return text(t.attention[at(q.phase)][at(q.format)][at(q.kv_format)]);
    }
    std::string operator()(const models::MoeQuery& q) const { return text(t.moe[at(q.format)]); }
    std::string operator()(const models::MemoryQuery& q) const { return text(t.memory[at(q.op)]); }
    std::string operator()(const models::LaunchQuery& q) const {
      return text(t.launch[at(q.kind)]);
    }
    std::string operator()(const models::CopyQuery& q) const {
      return text(t.copy[at(q.direction)]);
    }
    std::string operator()(const models::FusedAllReduceQuery& q) const {
      return text(t.all_reduce[at(q.dispatch)]);
    }
  };
  return std::visit(Visitor{t, of}, query);
}

}  // namespace windtunnel::calibration
