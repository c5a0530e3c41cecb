// GEMM by Eigen: row-major, layout of a linear layer's forward pass, operands rotated beyond the
// second-level cache.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "real/cpu/buffers.hpp"
#include "real/cpu/cpu_benchmarks.hpp"
#include "real/cpu/kernels.hpp"

namespace windtunnel::real {
namespace {

using models::GemmQuery;
using models::NumberFormat;

template <class Scalar>
void run_gemm(const CpuGemm<Scalar>& args);
template <>
void run_gemm(const CpuGemm<float>& args) {
  cpu_kernels().gemm_fp32(args);
}
template <>
void run_gemm(const CpuGemm<double>& args) {
  cpu_kernels().gemm_fp64(args);
}

// A few elements of C against the sum in double; the error of a sum of k random terms of size 1
// grows as sqrt(k) of the type's epsilon, 16 of which no sound kernel exceeds.
template <class Scalar>
std::string check_gemm(const CpuGemm<Scalar>& args) {
  const double tolerance = 16 * std::sqrt(static_cast<double>(args.k)) *
                           static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  for (const std::int64_t at : {std::int64_t{0}, args.m * args.n / 2, args.m * args.n - 1}) {
    const std::int64_t row = at / args.n, column = at % args.n;
    double sum = 0;
    for (std::int64_t i = 0; i < args.k; ++i)
      sum += static_cast<double>(args.a[row * args.k + i]) *
             static_cast<double>(args.b[column * args.k + i]);
    const double got = static_cast<double>(args.c[at]);
    if (!(std::abs(got - sum) <= tolerance))
      return fmt::format("C[{}][{}] is {}, expected {}", row, column, got, sum);
  }
  return "";
}

template <class Scalar>
Prepared prepare_gemm(const GemmQuery& query, int threads) {
  const std::int64_t a = query.m * query.k, b = query.n * query.k, c = query.m * query.n;
  const std::int64_t set = (a + b + c) * query.batch * static_cast<std::int64_t>(sizeof(Scalar));
  require_memory(set);
  struct Operands {
    std::vector<Scalar> a, b, c;
  };
  auto sets = std::make_shared<std::vector<Operands>>();
  for (std::int64_t i = 0; i < turns(set); ++i)
    sets->push_back({random_values<Scalar>(a * query.batch, static_cast<std::uint64_t>(3 * i + 1)),
                     random_values<Scalar>(b * query.batch, static_cast<std::uint64_t>(3 * i + 2)),
                     std::vector<Scalar>(static_cast<std::size_t>(c * query.batch))});
  const auto arguments = [=](std::size_t turn, std::int64_t batch) {
    Operands& set_of = (*sets)[turn];
    return CpuGemm<Scalar>{.a = set_of.a.data() + batch * a,
                           .b = set_of.b.data() + batch * b,
                           .c = set_of.c.data() + batch * c,
                           .m = query.m,
                           .n = query.n,
                           .k = query.k,
                           .layout = CpuLayout::forward,
                           .threads = threads};
  };
  Prepared out;
  out.run = [=](std::int64_t call) {
    const std::size_t turn = static_cast<std::size_t>(call) % sets->size();
    for (std::int64_t batch = 0; batch < query.batch; ++batch) run_gemm(arguments(turn, batch));
  };
  out.check = [=] { return check_gemm(arguments(0, query.batch - 1)); };
  return out;
}

Point gemm_point(const GemmQuery& query, int threads) {
  Point point;
  point.fields = {{"kind", "gemm"},
                  {"m", std::to_string(query.m)},
                  {"n", std::to_string(query.n)},
                  {"k", std::to_string(query.k)},
                  {"batch", query.batch > 1 ? std::to_string(query.batch) : ""},
                  {"precision", std::string(to_text(query.format))},
                  {"layout", "forward"},
                  {"threads", std::to_string(threads)},
                  {"stack", cpu_stack(threads)},
                  {"kernel", "eigen"}};
  point.prepare = [query, threads]() -> Prepared {
    if (query.groups > 1) throw PointRefused("there is no grouped GEMM on a CPU");
    if (query.format == NumberFormat::fp32) return prepare_gemm<float>(query, threads);
    if (query.format == NumberFormat::fp64) return prepare_gemm<double>(query, threads);
    throw PointRefused(
        fmt::format("Eigen multiplies fp32 and fp64, not {}", to_text(query.format)));
  };
  return point;
}

using Sizes = std::vector<std::int64_t>;
using Weights = std::vector<std::pair<std::int64_t, std::int64_t>>;

// Weights of (n, k) at several token counts m. Powers of two and sizes between them, so that a fit
// sees what the edges of a kernel's blocks cost. fp64 in a quick sweep: every other row count.
std::vector<GemmQuery> own_grid(const Selection& selection, NumberFormat format) {
  const bool quick = selection.effort == Effort::quick;
  Sizes tokens = quick ? Sizes{1, 4, 16, 40, 100, 256, 600, 1024}
                       : Sizes{1, 2, 4, 8, 16, 17, 28, 40, 64, 100, 128, 256, 360, 600, 1024, 2048};
  if (quick && format == NumberFormat::fp64) tokens = {1, 16, 100, 600};
  const Weights weights =
      quick ? Weights{{256, 256},  {200, 1000},  {480, 320}, {1024, 256},
                      {640, 1200}, {1024, 1024}, {72, 640},  {520, 2048}}
            : Weights{{64, 64},     {256, 256},   {200, 1000},  {480, 320},   {1024, 256},
                      {640, 1200},  {1024, 1024}, {72, 640},    {520, 2048},  {1000, 500},
                      {2048, 2048}, {1536, 3072}, {4096, 1024}, {1024, 4096}, {16, 2048}};
  std::vector<GemmQuery> out;
  for (const auto& [n, k] : weights) {
    for (const std::int64_t m : tokens)
      out.push_back({.m = m, .n = n, .k = k, .batch = 1, .groups = 1, .format = format});
  }
  return out;
}

}  // namespace

std::vector<Benchmark> cpu_gemm_benchmarks(const Selection& selection) {
  Benchmark out{"gemm", {}};
  std::vector<NumberFormat> formats = selection.formats;
  if (formats.empty()) formats = {NumberFormat::fp32, NumberFormat::fp64};
  for (const int threads : thread_counts(selection)) {
    if (!selection.default_shapes()) {
      for (const GemmQuery& query : selection.gemms)
        out.points.push_back(gemm_point(query, threads));
      continue;
    }
    for (const NumberFormat format : formats) {
      for (const GemmQuery& query : own_grid(selection, format)) {
        out.points.push_back(gemm_point(query, threads));
      }
    }
  }
  return {out};
}

}  // namespace windtunnel::real
