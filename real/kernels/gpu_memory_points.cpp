// The memory-bound kernels of a sweep, and what they read and write.
#include "real/kernels/gpu_points.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using models::MemoryOp;
using models::NumberFormat;

constexpr std::int64_t kRowFact = 4;  // a row's mean, rstd or lse; a token

std::int64_t element_bytes(NumberFormat format) {
  return format == NumberFormat::fp32 ? 4 : 2;
}

// Tensors of rows x columns elements that the kernel reads and writes.
std::int64_t tensors(const GpuMemory& kernel) {
  const bool backward = kernel.pass == MemoryPass::backward;
  switch (kernel.op) {
    case MemoryOp::fill:
      return 1;
    case MemoryOp::copy:
    case MemoryOp::rotary:
    case MemoryOp::embedding:
      return 2;
    case MemoryOp::cross_entropy:
      return backward ? 2 : 1;
    case MemoryOp::layer_norm:
    case MemoryOp::rms_norm:
    case MemoryOp::softmax:
    case MemoryOp::gelu:
      return backward ? 3 : 2;
    case MemoryOp::residual_dropout:
      return backward ? 2 : 3;
    case MemoryOp::add:
      return 3;
    case MemoryOp::swiglu:
      return backward ? 5 : 3;
    default:
      return 0;
  }
}

struct Family {
  MemoryOp op;
  enum class Passes { forward, both } passes;
  std::vector<std::int64_t> columns;
};

const std::vector<Family>& families() {
  using Passes = Family::Passes;
  static const std::vector<Family> kFamilies = {
      {MemoryOp::copy, Passes::forward, {4096}},
      {MemoryOp::fill, Passes::forward, {4096}},
      {MemoryOp::add, Passes::forward, {4096}},
      {MemoryOp::cast, Passes::forward, {4096}},
      {MemoryOp::gelu, Passes::both, {4096}},
      {MemoryOp::swiglu, Passes::both, {14336}},
      {MemoryOp::residual_dropout, Passes::both, {4096}},
      {MemoryOp::layer_norm, Passes::both, {768, 4096, 12288}},
      {MemoryOp::rms_norm, Passes::both, {1024, 4096, 8192}},
      {MemoryOp::softmax, Passes::both, {512, 2048, 8192}},
      {MemoryOp::rotary, Passes::forward, {4096}},
      {MemoryOp::embedding, Passes::forward, {4096}},
      {MemoryOp::cross_entropy, Passes::both, {32000, 50257, 128256}},
      {MemoryOp::optimizer, Passes::forward, {4096}},
  };
  return kFamilies;
}

// Rows so that the first tensor has about `bytes`; none where that is below one row.
std::int64_t rows_for(std::int64_t bytes, std::int64_t columns, NumberFormat format) {
  return bytes / (columns * element_bytes(format));
}

}  // namespace

std::string_view to_text(MemoryPass pass) {
  return pass == MemoryPass::forward ? "forward" : "backward";
}

base::Bytes traffic(const GpuMemory& kernel) {
  base::expects(kernel.rows >= 1 && kernel.columns >= 1, "a kernel on nothing");
  const std::int64_t count = kernel.rows * kernel.columns;
  std::int64_t bytes = tensors(kernel) * count * element_bytes(kernel.format);
  // fp32 gradient, master, two moments read; master, two moments and 16-bit weights written.
  if (kernel.op == MemoryOp::optimizer) bytes = count * (7 * 4 + element_bytes(kernel.format));
  if (kernel.op == MemoryOp::cast) bytes = count * (4 + element_bytes(kernel.format));
  if (kernel.op == MemoryOp::embedding || kernel.op == MemoryOp::cross_entropy) {
    bytes += 2 * kernel.rows * kRowFact;
  }
  return base::Bytes(static_cast<double>(bytes));
}

std::vector<GpuMemory> gpu_memories(const Selection& selection) {
  const bool full = selection.effort == Effort::full;
  const NumberFormat format =
      selection.formats.empty() ? NumberFormat::bf16 : selection.formats.front();
  std::vector<GpuMemory> out;
  for (const Family& family : families()) {
    for (const std::int64_t columns : family.columns) {
      if (!full && columns != family.columns.front()) continue;
      std::int64_t last_rows = 0;
      for (std::int64_t bytes = 16 << 10; bytes <= 512 << 20; bytes *= full ? 2 : 16) {
        const std::int64_t rows = rows_for(bytes, columns, format);
        if (rows == last_rows || rows == 0) continue;
        last_rows = rows;
        out.push_back({family.op, MemoryPass::forward, rows, columns, format});
        if (family.passes == Family::Passes::both) {
          out.push_back({family.op, MemoryPass::backward, rows, columns, format});
        }
      }
    }
  }
  return out;
}

}  // namespace windtunnel::real
