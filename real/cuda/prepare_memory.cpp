// Memory-bound kernels as points: each with all its tensors in rotating sets.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "real/cuda/kernels.hpp"
#include "real/cuda/memory_recipe.hpp"
#include "real/cuda/prepared_kernels.hpp"
#include "real/cuda/set_layout.hpp"
#include "real/kernels/host_values.hpp"

namespace windtunnel::real {
namespace {

using models::MemoryOp;
using models::NumberFormat;

Element element_of(NumberFormat format) {
  switch (format) {
    case NumberFormat::fp32:
      return Element::fp32;
    case NumberFormat::fp16:
      return Element::fp16;
    case NumberFormat::bf16:
      return Element::bf16;
    default:
      throw PointRefused(
          fmt::format("memory-bound kernels are for fp32, fp16 and bf16, not {}", to_text(format)));
  }
}

// Random weights of norms, and the embedding's table: read by every set.
DeviceBuffer shared_values(std::int64_t count, Element type, const Stream& stream) {
  require_device_memory(count * bytes_of(type));
  DeviceBuffer buffer(count * bytes_of(type));
  fill_random({.out = buffer.data(), .count = count, .type = type}, stream.get());
  return buffer;
}

void allocate_shared(PreparedMemory& memory, const Stream& stream) {
  const std::int64_t columns = memory.kernel.columns;
  const MemoryOp op = memory.kernel.op;
  if (op == MemoryOp::embedding) {
    memory.table = shared_values(kEmbeddingVocabulary * columns, memory.type, stream);
  }
  if (op != MemoryOp::layer_norm && op != MemoryOp::rms_norm) return;
  memory.weights = shared_values(columns, memory.type, stream);
  if (memory.kernel.pass == MemoryPass::backward) {
    memory.sums = DeviceBuffer(2 * columns * 4);
    memory.workspace = DeviceBuffer(norm_workspace_bytes(columns));
  }
}

void allocate_sets(PreparedMemory& memory, const MemoryRecipe& recipe, const Session& session) {
  const std::int64_t tensor = memory.count() * bytes_of(memory.type), row = memory.kernel.rows * 4;
  SetLayout set;
  MemoryTensors& at = memory.tensors;
  at.a = set.take(recipe.a * tensor);
  at.b = set.take(recipe.b * tensor);
  at.c = set.take(recipe.c * tensor);
  at.out = set.take(recipe.out * tensor);
  at.row1 = set.take(row);
  at.row2 = set.take(row);
  // fp32 tensors (optimizer, cast) want fp32 values in every place; 16-bit outputs are overwritten.
  const bool wide = memory.kernel.op == MemoryOp::optimizer || memory.kernel.op == MemoryOp::cast;
  const RandomContent content{.element = wide ? Element::fp32 : memory.type};
  memory.sets = std::make_unique<RotatingSets>(
      set.bytes(), sets_to_rotate(set.bytes(), session.facts().l2_bytes), content,
      session.stream());
  if (!recipe.ready) return;
  for (std::int64_t index = 0; index < memory.sets->sets(); ++index) {
    recipe.ready(memory, index, session.stream().get());
  }
}

// The kernels are held against references in tests; here only that finite numbers came out.
std::string check_finite(const PreparedMemory& memory) {
  constexpr std::int64_t kMost = 4096;
  const bool losses =
      memory.kernel.op == MemoryOp::cross_entropy && memory.kernel.pass == MemoryPass::forward;
  const StoredFormat format = losses || memory.type == Element::fp32 ? StoredFormat::fp32
                              : memory.type == Element::fp16         ? StoredFormat::fp16
                                                                     : StoredFormat::bf16;
  const std::int64_t count = std::min(kMost, losses ? memory.kernel.rows : memory.count());
  std::vector<unsigned char> raw(static_cast<std::size_t>(count * bytes_of(format)));
  copy_to_host(raw.data(), memory.at(0, memory.tensors.out), static_cast<std::int64_t>(raw.size()));
  const std::vector<double> values = host_values(raw, format);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return fmt::format("output {} is {}", i, values[i]);
  }
  return "";
}

}  // namespace

Prepared prepare_memory(const GpuMemory& kernel, const Session& session) {
  const auto memory = std::make_shared<PreparedMemory>();
  memory->kernel = kernel;
  memory->type = element_of(kernel.format);
  const MemoryRecipe recipe = recipe_of(kernel, memory->type);
  const Stream& stream = session.stream();
  allocate_shared(*memory, stream);
  allocate_sets(*memory, recipe, session);
  stream.wait();
  Prepared out;
  out.run = [memory, run = recipe.run, &stream](std::int64_t call) {
    run(*memory, call, stream.get());
  };
  out.check = [memory, run = out.run, &stream] {
    run(0);
    stream.wait();
    return check_finite(*memory);
  };
  return out;
}

}  // namespace windtunnel::real
