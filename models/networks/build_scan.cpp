// The mixer of a layer that scans the sequence: Mamba-2 and the gated delta rule.
#include <utility>

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {
namespace {

// Tokens a chunk: what the kernels that ship with either use (mamba_ssm with Nemotron-H: 128;
// flash-linear-attention: 64).
constexpr std::int64_t kScanChunk = 128, kDeltaChunk = 64;

Op core_op(const Transformer& t, Rows rows) {
  const ScanMixer& scan = t.scan;
  const bool delta = scan.kind == ScanKind::gated_delta;
  Op op{.name = "scan.core",
        .work = ScanWork{.heads = scan.heads,
                         .groups = scan.groups,
                         .head_dim = scan.head_dim,
                         .state = scan.state,
                         .chunk = delta ? kDeltaChunk : kScanChunk,
                         .rule = delta ? ScanRule::delta : ScanRule::plain},
        .rows = rows,
        .split = TensorSplit::heads};
  op.parameters.tensor = (delta ? 2 : 3) * scan.heads;  // decay, step bias, (skip) of each head
  const double inner = static_cast<double>(scan.heads * scan.head_dim);
  const double keys = static_cast<double>(2 * scan.groups * scan.state);
  op.saved.push_back(kept("convolved", inner + keys, SavedSplit::tensor));
  const double states = inner * static_cast<double>(scan.state) /
                        static_cast<double>(delta ? kDeltaChunk : kScanChunk);
  op.saved.push_back(kept("chunk states", states, SavedSplit::tensor));
  return op;
}

}  // namespace

void add_scan(const Transformer& t, const LayerPlace& place, std::vector<Op>& ops) {
  const ScanMixer& scan = t.scan;
  const std::int64_t inner = scan.heads * scan.head_dim;
  const std::int64_t mixed = inner + 2 * scan.groups * scan.state;  // what is convolved
  const std::int64_t steps = (scan.kind == ScanKind::gated_delta ? 2 : 1) * scan.heads;
  ops.push_back(linear_op("scan.in", {.inputs = t.hidden, .outputs = inner + mixed + steps},
                          TensorSplit::column, place.rows));
  Op convolution{.name = "scan.convolution",
                 .work = MemoryWork{.op = MemoryOp::swiglu,
                                    .width = static_cast<double>(mixed),
                                    .forward = {1, 2.0},
                                    .backward = {3, 6.0}},  // its output is made again
                 .rows = place.rows,
                 .split = TensorSplit::column};
  convolution.parameters.tensor =
      mixed * (scan.convolution + (scan.kind == ScanKind::mamba2 ? 1 : 0));  // Mamba has a bias
  convolution.saved.push_back(kept("input", static_cast<double>(mixed), SavedSplit::tensor));
  ops.push_back(std::move(convolution));
  ops.push_back(core_op(t, place.rows));
  Op norm = norm_op("scan.gated_norm", t, inner, place.rows);
  norm.split = TensorSplit::heads;
  norm.saved.front().split = SavedSplit::tensor;
  norm.saved.push_back(kept("gate", static_cast<double>(inner), SavedSplit::tensor));
  if (scan.kind == ScanKind::gated_delta) norm.parameters.replicated = scan.head_dim;
  ops.push_back(std::move(norm));
  ops.push_back(
      linear_op("scan.out", {.inputs = inner, .outputs = t.hidden}, TensorSplit::row, place.rows));
}

}  // namespace windtunnel::models
