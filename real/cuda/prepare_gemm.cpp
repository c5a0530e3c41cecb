// GEMM points: operands that rotate past the L2, and a check of a few elements of the product.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "real/cuda/cublas.hpp"
#include "real/cuda/gemm.hpp"
#include "real/cuda/kernels.hpp"
#include "real/cuda/prepared_kernels.hpp"
#include "real/cuda/rotating_sets.hpp"
#include "real/kernels/host_values.hpp"

namespace windtunnel::real {
namespace {

using models::NumberFormat;

// Everything of one point; kept alive by the closures of its Prepared.
struct Gemm {
  GemmProblem problem;
  std::unique_ptr<GemmPlan> plan;  // none: cuBLAS by itself
  std::unique_ptr<Cublas> cublas;
  std::unique_ptr<RotatingSets> a, b, c;
  DeviceBuffer scale;  // fp8: one fp32, 1.0

  GemmOperands operands(std::int64_t call) const {
    const auto* scales = scale.as<float>();
    return {
        .a = a->at(call), .b = b->at(call), .c = c->at(call), .scale_a = scales, .scale_b = scales};
  }
  void run(std::int64_t call, cudaStream_t stream) const {
    if (plan != nullptr) return plan->run(operands(call), stream);
    cublas->run(problem, operands(call), stream);
  }
};

RandomContent content_of(NumberFormat format) {
  RandomContent content;
  if (format == NumberFormat::fp8 || format == NumberFormat::int8) {
    content.kind = RandomContent::Kind::bits;
    content.mask = format == NumberFormat::fp8 ? 0xbf : 0xff;
  } else if (format == NumberFormat::fp32 || format == NumberFormat::tf32) {
    content.element = Element::fp32;
  } else {
    content.element = format == NumberFormat::fp16 ? Element::fp16 : Element::bf16;
  }
  return content;
}

StoredFormat stored_operand(NumberFormat format) {
  switch (format) {
    case NumberFormat::fp8:
      return StoredFormat::e4m3;
    case NumberFormat::int8:
      return StoredFormat::int8;
    case NumberFormat::fp16:
      return StoredFormat::fp16;
    case NumberFormat::bf16:
      return StoredFormat::bf16;
    default:
      return StoredFormat::fp32;
  }
}
StoredFormat stored_result(NumberFormat format) {
  if (format == NumberFormat::int8) return StoredFormat::int32;
  return format == NumberFormat::fp8 ? StoredFormat::bf16 : stored_operand(format);
}

// `count` elements `step` apart, read back.
std::vector<double> read_strided(const void* device, std::int64_t step, std::int64_t count,
                                 StoredFormat format) {
  const auto width = static_cast<std::size_t>(bytes_of(format));
  std::vector<unsigned char> raw(width * static_cast<std::size_t>(count));
  check(cudaMemcpy2D(raw.data(), width, device, width * static_cast<std::size_t>(step), width,
                     static_cast<std::size_t>(count), cudaMemcpyDeviceToHost),
        "cudaMemcpy2D of an operand");
  return host_values(raw, format);
}

const void* element_at(const void* base, std::int64_t index, StoredFormat format) {
  return static_cast<const char*>(base) + index * bytes_of(format);
}

// What a sum of many random terms may be off by, in units of the size it typically has. A wrong layout
// or stride is off by about 1; fp8's fast accumulation truncates to some 14 bits at every step.
double slack_of(NumberFormat format) {
  switch (format) {
    case NumberFormat::int8:
      return 0.0;
    case NumberFormat::fp32:
      return 0x1p-15;
    case NumberFormat::fp8:
      return 0x1p-4;
    default:
      return 0x1p-8;
  }
}

// C[row][column] of the last batch against the sum in double.
std::string check_element(const Gemm& gemm, std::int64_t row, std::int64_t column) {
  const GemmProblem& p = gemm.problem;
  const StoredFormat operand = stored_operand(p.format), result = stored_result(p.format);
  const std::int64_t last = p.batch - 1;
  const bool a_turned = p.layout == GemmLayout::weight_gradient;
  const bool b_turned = p.layout == GemmLayout::forward;
  const GemmOperands o = gemm.operands(0);
  const auto a =
      read_strided(element_at(o.a, last * p.m * p.k + (a_turned ? row : row * p.k), operand),
                   a_turned ? p.m : 1, p.k, operand);
  const auto b =
      read_strided(element_at(o.b, last * p.n * p.k + (b_turned ? column * p.k : column), operand),
                   b_turned ? 1 : p.n, p.k, operand);
  double expected = 0.0, squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    expected += a[i] * b[i];
    squares += a[i] * a[i] * b[i] * b[i];
  }
  const double got =
      read_strided(element_at(o.c, last * p.m * p.n + row * p.n + column, result), 1, 1, result)[0];
  const double tolerance =
      2 * rounding_of(result) * std::fabs(expected) + slack_of(p.format) * std::sqrt(squares);
  if (std::fabs(got - expected) <= tolerance) return "";
  return fmt::format("C[{}][{}] is {}, expected {}", row, column, got, expected);
}

std::string check_gemm(const Gemm& gemm, const Stream& stream) {
  gemm.run(0, stream.get());
  stream.wait();
  const GemmProblem& p = gemm.problem;
  for (const auto& [row, column] :
       {std::pair{std::int64_t{0}, std::int64_t{0}}, {p.m / 2, p.n / 3}, {p.m - 1, p.n - 1}}) {
    const std::string wrong = check_element(gemm, row, column);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

void refuse_what_is_not_there(const GpuGemm& gemm, const DeviceFacts& facts) {
  if (gemm.query.groups > 1) throw PointRefused("grouped GEMM is not measured on CUDA");
  if (gemm.query.format == NumberFormat::fp8 && facts.capability < 89) {
    throw PointRefused(fmt::format("fp8 needs compute capability 8.9, this is {}.{}",
                                   facts.capability / 10, facts.capability % 10));
  }
}

std::unique_ptr<RotatingSets> operand(std::int64_t bytes, const Gemm& gemm,
                                      const Session& session) {
  // All three operands together push each other out of the L2.
  const std::int64_t all =
      bytes_of_a(gemm.problem) + bytes_of_b(gemm.problem) + bytes_of_c(gemm.problem);
  return std::make_unique<RotatingSets>(bytes, sets_to_rotate(all, session.facts().l2_bytes),
                                        content_of(gemm.problem.format), session.stream());
}

}  // namespace

Prepared prepare_gemm(const GpuGemm& wanted, const Session& session) try {
  refuse_what_is_not_there(wanted, session.facts());
  const auto gemm = std::make_shared<Gemm>();
  gemm->problem = {.m = wanted.query.m,
                   .n = wanted.query.n,
                   .k = wanted.query.k,
                   .batch = wanted.query.batch,
                   .format = wanted.query.format,
                   .layout = wanted.layout,
                   .alignment = 256};
  if (wanted.library == GemmLibrary::cublas) {
    gemm->cublas = std::make_unique<Cublas>();
  } else {
    gemm->plan = std::make_unique<GemmPlan>(session.cublas(), gemm->problem);
  }
  gemm->a = operand(bytes_of_a(gemm->problem), *gemm, session);
  gemm->b = operand(bytes_of_b(gemm->problem), *gemm, session);
  gemm->c = operand(bytes_of_c(gemm->problem), *gemm, session);
  if (gemm->problem.format == NumberFormat::fp8) {
    gemm->scale = to_device(std::vector<float>{1.0F});
  }
  if (wanted.library == GemmLibrary::cublaslt_tuned) {
    gemm->plan->tune(gemm->operands(0), session.stream());
  }
  const Stream& stream = session.stream();
  Prepared out;
  out.run = [gemm, &stream](std::int64_t call) { gemm->run(call, stream.get()); };
  out.check = [gemm, &stream] { return check_gemm(*gemm, stream); };
  if (gemm->plan != nullptr) {
    out.more_fields = [gemm] { return Fields{{"notes", gemm->plan->algorithm()}}; };
  }
  return out;
} catch (const NoAlgorithm& refusal) {
  throw PointRefused(refusal.what());
}

}  // namespace windtunnel::real
