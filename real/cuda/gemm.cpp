#include "real/cuda/gemm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace windtunnel::real {
namespace {

using models::NumberFormat;

// How a format is spelled to the library.
struct Types {
  cudaDataType_t operand, result, scale;
  cublasComputeType_t compute;
};

Types types_of(const GemmProblem& problem) {
  const bool wide = problem.output == GemmOutput::fp32;
  switch (problem.format) {
    case NumberFormat::fp32:
      return {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F};
    case NumberFormat::tf32:
      return {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32};
    case NumberFormat::fp16:
      return {CUDA_R_16F, wide ? CUDA_R_32F : CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F};
    case NumberFormat::bf16:
      return {CUDA_R_16BF, wide ? CUDA_R_32F : CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F};
    case NumberFormat::fp8:
      return {CUDA_R_8F_E4M3, wide ? CUDA_R_32F : CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F};
    case NumberFormat::int8:
      return {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, CUBLAS_COMPUTE_32I};
    default:
      throw NoAlgorithm(
          fmt::format("{}: this format is not measured through cuBLASLt", describe(problem)));
  }
}

std::int64_t bytes_of(cudaDataType_t type) {
  switch (type) {
    case CUDA_R_32F:
    case CUDA_R_32I:
      return 4;
    case CUDA_R_16F:
    case CUDA_R_16BF:
      return 2;
    default:
      return 1;
  }
}

// One operand as the library sees it: column-major, so every row-major matrix turned over.
struct Layout {
  std::int64_t rows, columns, pitch, stride;
};

std::int64_t or_else(std::int64_t given, std::int64_t packed) {
  return given > 0 ? given : packed;
}

Layout layout_of_a(const GemmProblem& p) {
  const bool turned = p.layout == GemmLayout::weight_gradient;
  const std::int64_t rows = turned ? p.m : p.k, columns = turned ? p.k : p.m;
  return {rows, columns, or_else(p.lda, rows), or_else(p.stride_a, p.m * p.k)};
}
Layout layout_of_b(const GemmProblem& p) {
  const bool turned = p.layout == GemmLayout::forward;
  const std::int64_t rows = turned ? p.k : p.n, columns = turned ? p.n : p.k;
  return {rows, columns, or_else(p.ldb, rows), or_else(p.stride_b, p.n * p.k)};
}
Layout layout_of_c(const GemmProblem& p) {
  return {p.n, p.m, or_else(p.ldc, p.n), or_else(p.stride_c, p.m * p.n)};
}

template <class T>
void set_layout(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t name, T value) {
  check(cublasLtMatrixLayoutSetAttribute(layout, name, &value, sizeof value),
        "cublasLtMatrixLayoutSetAttribute");
}
template <class T>
void set(cublasLtMatmulDesc_t description, cublasLtMatmulDescAttributes_t name, T value) {
  check(cublasLtMatmulDescSetAttribute(description, name, &value, sizeof value),
        "cublasLtMatmulDescSetAttribute");
}
template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t name,
         T value) {
  check(cublasLtMatmulPreferenceSetAttribute(preference, name, &value, sizeof value),
        "cublasLtMatmulPreferenceSetAttribute");
}

cublasLtMatrixLayout_t make_layout(cudaDataType_t type, const Layout& layout, std::int64_t batch) {
  cublasLtMatrixLayout_t made = nullptr;
  check(cublasLtMatrixLayoutCreate(&made, type, static_cast<std::uint64_t>(layout.rows),
                                   static_cast<std::uint64_t>(layout.columns), layout.pitch),
        "cublasLtMatrixLayoutCreate");
  if (batch > 1) {
    set_layout(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(batch));
    set_layout(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, layout.stride);
  }
  return made;
}

cublasLtEpilogue_t epilogue_of(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::none:
      return CUBLASLT_EPILOGUE_DEFAULT;
    case Epilogue::bias:
      return CUBLASLT_EPILOGUE_BIAS;
    case Epilogue::gelu:
      return CUBLASLT_EPILOGUE_GELU;
    case Epilogue::bias_gelu:
      return CUBLASLT_EPILOGUE_GELU_BIAS;
  }
  return CUBLASLT_EPILOGUE_DEFAULT;
}

bool has_bias(Epilogue epilogue) {
  return epilogue == Epilogue::bias || epilogue == Epilogue::bias_gelu;
}

class Preference {
 public:
  explicit Preference(std::int64_t alignment) {
    check(cublasLtMatmulPreferenceCreate(&preference_), "cublasLtMatmulPreferenceCreate");
    set(preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
        static_cast<std::size_t>(CublasLt::kWorkspaceBytes));
    for (const auto name :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
      set(preference_, name, static_cast<std::uint32_t>(alignment));
    }
  }
  ~Preference() { cublasLtMatmulPreferenceDestroy(preference_); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;
  cublasLtMatmulPreference_t get() const { return preference_; }

 private:
  cublasLtMatmulPreference_t preference_ = nullptr;
};

// alpha and beta in the type the library wants them in.
struct Factor {
  Factor(cudaDataType_t type, float value)
      : single(value), whole(static_cast<std::int32_t>(value)), is_whole(type == CUDA_R_32I) {}
  const void* get() const {
    return is_whole ? static_cast<const void*>(&whole) : static_cast<const void*>(&single);
  }
  float single;
  std::int32_t whole;
  bool is_whole;
};

void expect_problem(const GemmProblem& p) {
  base::expects(p.m >= 1 && p.n >= 1 && p.k >= 1 && p.batch >= 1, "GEMM of nothing");
  base::expects(p.alignment >= 1 && p.alignment <= 256, "GEMM alignment is 1 to 256 bytes");
}

}  // namespace

void check(cublasStatus_t status, std::string_view call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw base::EnvironmentError(fmt::format("{}: {}", call, cublasLtGetStatusName(status)));
}

CublasLt::CublasLt() : workspace_(kWorkspaceBytes) {
  check(cublasLtCreate(&handle_), "cublasLtCreate");
}
CublasLt::~CublasLt() {
  if (handle_ != nullptr) cublasLtDestroy(handle_);
}

std::string CublasLt::version() {
  const std::size_t version = cublasLtGetVersion();
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::string describe(const GemmProblem& problem) {
  const char* layout = problem.layout == GemmLayout::forward          ? "forward"
                       : problem.layout == GemmLayout::input_gradient ? "input-gradient"
                                                                      : "weight-gradient";
  return fmt::format("{} GEMM {} x {} x {}{} {}", layout, problem.m, problem.n, problem.k,
                     problem.batch > 1 ? fmt::format(" ({} of them)", problem.batch) : "",
                     to_text(problem.format));
}

std::int64_t bytes_of_a(const GemmProblem& problem) {
  return problem.batch * problem.m * problem.k * bytes_of(types_of(problem).operand);
}
std::int64_t bytes_of_b(const GemmProblem& problem) {
  return problem.batch * problem.n * problem.k * bytes_of(types_of(problem).operand);
}
std::int64_t bytes_of_c(const GemmProblem& problem) {
  return problem.batch * problem.m * problem.n * bytes_of(types_of(problem).result);
}

GemmPlan::GemmPlan(CublasLt& library, const GemmProblem& problem, int candidates)
    : library_(&library), problem_(problem) {
  expect_problem(problem);
  const Types types = types_of(problem);
  parts_.a = make_layout(types.operand, layout_of_a(problem), problem.batch);
  parts_.b = make_layout(types.operand, layout_of_b(problem), problem.batch);
  parts_.c = make_layout(types.result, layout_of_c(problem), problem.batch);
  check(cublasLtMatmulDescCreate(&parts_.description, types.compute, types.scale),
        "cublasLtMatmulDescCreate");
  // Turned over, C^T = B^T A^T: the library's first operand is B.
  set(parts_.description, CUBLASLT_MATMUL_DESC_TRANSA,
      problem.layout == GemmLayout::forward ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(parts_.description, CUBLASLT_MATMUL_DESC_TRANSB,
      problem.layout == GemmLayout::weight_gradient ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(parts_.description, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(problem.epilogue));
  if (problem.format == NumberFormat::fp8) {
    const std::int8_t fast = problem.layout == GemmLayout::forward ? 1 : 0;
    set(parts_.description, CUBLASLT_MATMUL_DESC_FAST_ACCUM, fast);
  }
  const Preference preference(problem.alignment);
  heuristics_.resize(static_cast<std::size_t>(std::max(1, candidates)));
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      library.get(), parts_.description, parts_.b, parts_.a, parts_.c, parts_.c, preference.get(),
      static_cast<int>(heuristics_.size()), heuristics_.data(), &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && found == 0)) {
    throw NoAlgorithm(fmt::format("cuBLASLt {} has no algorithm here for the {}",
                                  CublasLt::version(), describe(problem)));
  }
  check(status, fmt::format("cublasLtMatmulAlgoGetHeuristic for the {}", describe(problem)));
  heuristics_.resize(static_cast<std::size_t>(found));
}

GemmPlan::Parts::~Parts() {
  if (description != nullptr) cublasLtMatmulDescDestroy(description);
  for (const auto layout : {a, b, c}) {
    if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
  }
}
GemmPlan::Parts::Parts(Parts&& other) noexcept
    : description(std::exchange(other.description, nullptr)),
      a(std::exchange(other.a, nullptr)),
      b(std::exchange(other.b, nullptr)),
      c(std::exchange(other.c, nullptr)) {}
GemmPlan::Parts& GemmPlan::Parts::operator=(Parts&& other) noexcept {
  std::swap(description, other.description);
  std::swap(a, other.a);
  std::swap(b, other.b);
  std::swap(c, other.c);
  return *this;
}

void GemmPlan::run_with(const cublasLtMatmulAlgo_t& algorithm, const GemmOperands& operands,
                        cudaStream_t stream) const {
  const Types types = types_of(problem_);
  if (has_bias(problem_.epilogue)) {
    base::expects(operands.bias != nullptr, "a GEMM with a bias epilogue has a bias");
    set(parts_.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.bias);
  }
  if (problem_.format == NumberFormat::fp8) {
    set(parts_.description, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, operands.scale_b);
    set(parts_.description, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, operands.scale_a);
  }
  const Factor alpha(types.scale, operands.alpha), beta(types.scale, operands.beta);
  const cublasStatus_t status = cublasLtMatmul(
      library_->get(), parts_.description, alpha.get(), operands.b, parts_.b, operands.a, parts_.a,
      beta.get(), operands.c, parts_.c, operands.c, parts_.c, &algorithm, library_->workspace(),
      static_cast<std::size_t>(CublasLt::kWorkspaceBytes), stream);
  if (status != CUBLAS_STATUS_SUCCESS) {
    check(status, fmt::format("cublasLtMatmul of the {}", describe(problem_)));
  }
}

void GemmPlan::run(const GemmOperands& operands, cudaStream_t stream) const {
  run_with(heuristics_[chosen_].algo, operands, stream);
}

std::vector<base::Seconds> GemmPlan::tune(const GemmOperands& operands, const Stream& stream) {
  constexpr int kRuns = 5;
  std::vector<base::Seconds> times;
  const Event start, stop;
  for (const auto& candidate : heuristics_) {
    base::Seconds best = base::Seconds::infinity();
    for (int run = 0; run <= kRuns; ++run) {  // the first is the warm-up
      start.record(stream);
      run_with(candidate.algo, operands, stream.get());
      stop.record(stream);
      stop.wait();
      if (run > 0) best = base::min(best, stop.since(start));
    }
    times.push_back(best);
  }
  chosen_ = static_cast<std::size_t>(std::min_element(times.begin(), times.end()) - times.begin());
  return times;
}

std::string GemmPlan::algorithm() const {
  const auto number = [&](cublasLtMatmulAlgoConfigAttributes_t name) {
    std::uint32_t value = 0;
    std::size_t written = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoConfigGetAttribute(
        &heuristics_[chosen_].algo, name, &value, sizeof value, &written);
    return status == CUBLAS_STATUS_SUCCESS ? std::to_string(value) : std::string("?");
  };
  return fmt::format("algo {} tile {} stages {} split-k {}", number(CUBLASLT_ALGO_CONFIG_ID),
                     number(CUBLASLT_ALGO_CONFIG_TILE_ID), number(CUBLASLT_ALGO_CONFIG_STAGES_ID),
                     number(CUBLASLT_ALGO_CONFIG_SPLITK_NUM));
}

}  // namespace windtunnel::real
