// Scans over the sequence as chunked products, or as one pass over their state.
#include <algorithm>

#include "models/networks/lower_work.hpp"

namespace windtunnel::models {
namespace {

constexpr double kStateBytes = 4.0;  // the state is kept in FP32

// Backward, kernels keep neither the states of chunks nor what the convolution gave, and make them
// again. Of mamba_ssm's (ops/triton/ssd_combined.py, _mamba_chunk_scan_combined_bwd): states of chunks,
// passing them on, and gradients of states, of passing, of inputs, keys, queries, scores and decay. Each
// of five reads the inputs and the gradient of the outputs; the states are moved nine times.
constexpr double kBackwardRows = 10.0, kBackwardStates = 9.0;
constexpr std::int64_t kBackwardKernels = 9;

struct ScanShare {
  std::int64_t heads = 1, groups = 1;
};

ScanShare share_of(const ScanWork& work, const Layout& layout) {
  return {.heads = ceil_div(work.heads, layout.tensor),
          .groups = std::max<std::int64_t>(1, ceil_div(work.groups, layout.tensor))};
}

double state_elements(const ScanWork& work, const ScanShare& share) {
  return static_cast<double>(share.heads * work.head_dim * work.state);
}

}  // namespace

void lower_work(const ScanWork& work, const Target& target) {
  if (target.pass == Pass::weight_gradient || target.pass == Pass::step) return;
  const ScanShare share = share_of(work, target.options.layout);
  const std::int64_t rows = target.rows();
  if (target.options.mode == Mode::decode) {
    const double sequences = static_cast<double>(target.batch.sequences);
    target.memory(MemoryOp::copy, 2.0 * kStateBytes * sequences * state_elements(work, share),
                  target.batch.sequences);
    return;
  }
  // Backward, each product has two (of either factor).
  const std::int64_t passes = target.pass == Pass::forward ? 1 : 2;
  const std::int64_t chunks = ceil_div(rows, work.chunk);
  const std::int64_t q = std::min(work.chunk, rows);
  const NumberFormat format = target.options.formats.attention;
  const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t heads) {
    target.gemm({.m = m, .n = n, .k = k, .batch = chunks * heads, .format = format}, passes);
  };
  product(q, q, work.state, share.groups);             // queries by keys
  product(q, work.head_dim, q, share.heads);           // scores by values
  product(work.state, work.head_dim, q, share.heads);  // keys by values: the chunk's state
  product(q, work.head_dim, work.state, share.heads);  // queries by the state before
  if (work.rule == ScanRule::delta) {
    product(q, work.head_dim + work.state, q, share.heads);  // corrected values and keys
  }
  const double inner = static_cast<double>(share.heads * work.head_dim);
  if (target.pass != Pass::forward) {
    product(work.state, work.head_dim, q, share.heads);
    const double rows_moved = kBackwardRows * static_cast<double>(rows) * inner * target.element();
    const double states_moved =
        kBackwardStates * kStateBytes * static_cast<double>(chunks) * state_elements(work, share);
    return target.memory(MemoryOp::copy, rows_moved + states_moved, rows, kBackwardKernels);
  }
  const double tokens = static_cast<double>(rows) *
                        (2.0 * inner + 2.0 * static_cast<double>(share.groups * work.state)) *
                        target.element();
  const double states =
      3.0 * kStateBytes * static_cast<double>(chunks) * state_elements(work, share);
  target.memory(MemoryOp::copy, tokens + states, rows);
}

}  // namespace windtunnel::models
