#include "strategies/serve/step/part_time.hpp"

#include <type_traits>
#include <variant>

#include "models/kernels/power_limit.hpp"

namespace windtunnel::strategies {
namespace {

template <class Query>
constexpr PartKind kKindOf = PartKind::memory;
template <>
constexpr PartKind kKindOf<models::GemmQuery> = PartKind::gemm;
template <>
constexpr PartKind kKindOf<models::AttentionQuery> = PartKind::attention;
template <>
constexpr PartKind kKindOf<models::MoeQuery> = PartKind::moe;

template <class Query>
double least_time(const Query& query, const sim::Gpu& gpu) {
  if constexpr (requires { query.format; }) {
    return (models::flops(query) / models::sustained_rate(gpu, query.format)).value();
  }
  return 0.0;
}

models::KernelTime faster(const models::KernelTime& a, const models::KernelTime& b) {
  return b.time < a.time ? b : a;
}

// How many elements of a narrow format go into one of 16 bits, where the tensor cores multiply that
// many times as fast; 1: a format without such products.
std::int64_t packed(models::NumberFormat format, const sim::Gpu& gpu) {
  switch (format) {
    case models::NumberFormat::fp8:
    case models::NumberFormat::fp8_block:
      return gpu.peak.contains("fp8") ? 2 : 1;
    case models::NumberFormat::nvfp4:
      return gpu.peak.contains("nvfp4") ? 4 : 1;
    default:
      return 1;
  }
}

// As many bytes and tensor-core cycles as a 16-bit product of a part of the depth. Tables of narrow
// products have the cast of their input beside them, which engines fuse into the norm where a tensor
// has one scale; with a scale a block it stays a kernel of its own.
models::KernelTime alike(const models::GemmQuery& query, std::int64_t pack,
                         const models::KernelTimeModel& kernels) {
  models::GemmQuery wide = query;
  wide.format = models::NumberFormat::bf16;
  wide.k = std::max<std::int64_t>(1, query.k / pack);
  models::KernelTime time = kernels.time(wide);
  if (query.format == models::NumberFormat::fp8) return time;
  const double elements = static_cast<double>(query.m) * static_cast<double>(query.k);
  const double bytes = elements * (2.0 + models::activation_bytes(query.format));
  const models::KernelTime cast =
      kernels.time(models::MemoryQuery{.op = models::MemoryOp::cast, .bytes = base::Bytes(bytes)});
  time.time += cast.time;
  time.low += cast.low;
  time.high += cast.high;
  return time;
}

// Engines try what they have: of kernels with one scale a tensor and a block, the faster.
template <class Query>
models::KernelTime fastest(const Query& query, const models::KernelTimeModel& kernels,
                           const sim::Gpu& gpu) {
  models::KernelTime best = kernels.time(query);
  if constexpr (std::is_same_v<Query, models::GemmQuery> ||
                std::is_same_v<Query, models::MoeQuery>) {
    const std::int64_t pack = packed(query.format, gpu);
    if (pack == 2) {
      Query other = query;
      other.format = query.format == models::NumberFormat::fp8 ? models::NumberFormat::fp8_block
                                                               : models::NumberFormat::fp8;
      best = faster(best, kernels.time(other));
    }
    if constexpr (std::is_same_v<Query, models::GemmQuery>) {
      if (pack > 1) best = faster(best, alike(query, pack, kernels));
    }
  }
  return best;
}

}  // namespace

double PartTime::time() const {
  double sum = 0;
  for (const Interval& kind : kinds) sum += kind.time;
  return sum;
}

void PartTime::add(PartKind kind, const Interval& once, double count) {
  Interval& to = kinds[static_cast<std::size_t>(kind)];
  to.time += once.time * count;
  to.low += once.low * count;
  to.high += once.high * count;
}

void PartTime::add(const PartTime& other) {
  for (std::size_t i = 0; i < kPartKinds; ++i) add(static_cast<PartKind>(i), other.kinds[i], 1.0);
  for (std::size_t i = 0; i < by_basis.size(); ++i) by_basis[i] += other.by_basis[i];
  extrapolated += other.extrapolated;
  kernels += other.kernels;
  far_bytes += other.far_bytes;
  far_time += other.far_time;
}

void PartTime::add(PartKind kind, const models::KernelTime& answer, double count) {
  add(kind, {answer.time.value(), answer.low.value(), answer.high.value()}, count);
  by_basis[static_cast<std::size_t>(answer.basis)] += answer.time.value() * count;
  if (answer.extrapolated) extrapolated += answer.time.value() * count;
}

std::vector<std::string> PartTime::rests_on() const {
  constexpr double kNamed = 0.01;
  std::vector<std::string> grounds;
  for (std::size_t i = 0; i < by_basis.size(); ++i) {
    if (by_basis[i] < kNamed * time()) continue;
    grounds.emplace_back(models::to_text(static_cast<models::Basis>(i)));
  }
  if (extrapolated >= kNamed * time()) grounds.emplace_back("extrapolated");
  return grounds;
}

PartTime::Factors PartTime::band(const Interval& fixed, const Interval& common) const {
  const double total = time() + fixed.time;
  if (total <= 0) return {};
  const auto square = [](double x) { return x * x; };
  double low = square(fixed.time - fixed.low), high = square(fixed.high - fixed.time);
  low += square(common.time - common.low);
  high += square(common.high - common.time);
  for (const Interval& kind : kinds) {
    low += square(kind.time - kind.low);
    high += square(kind.high - kind.time);
  }
  return {std::max(0.1, 1.0 - std::sqrt(low) / total), 1.0 + std::sqrt(high) / total};
}

void add_kernel_time(const models::KernelQuery& query, double count,
                     const models::KernelTimeModel& kernels, const sim::Gpu& gpu, PartTime& out) {
  std::visit(
      [&](const auto& asked) {
        using Query = std::decay_t<decltype(asked)>;
        models::KernelTime answer = fastest(asked, kernels, gpu);
        const double slower = std::max(1.0, least_time(asked, gpu) / answer.time.value());
        answer.time *= slower;
        answer.low *= slower;
        answer.high *= slower;
        out.add(kKindOf<Query>, answer, count);
      },
      query);
  out.kernels += count;
}

}  // namespace windtunnel::strategies
