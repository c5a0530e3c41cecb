// Memory-bound operations over working sets from the first-level cache to main memory: the curve
// shows each level's bandwidth. Sets beyond the second-level cache are used in turn.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "models/kernels/kernel_query.hpp"
#include "real/cpu/buffers.hpp"
#include "real/cpu/cpu_benchmarks.hpp"
#include "real/cpu/kernels.hpp"

namespace windtunnel::real {
namespace {

using models::MemoryOp;

constexpr std::int64_t kColumns = 1024;  // of row-wise operations

// Buffers of a point: up to four of `count` values.
struct Buffers {
  std::vector<float> a, b, c, d;
};

// What one element costs in traffic, and how to run `count` of them.
struct Operation {
  MemoryOp op;
  std::string name;       // of the kernel
  std::int64_t arrays;    // read and written: bytes = 4 * arrays * count
  std::int64_t multiple;  // count is a multiple of it
  std::function<Work(std::shared_ptr<Buffers>, std::int64_t count, int threads)> bind;
};

Operation pointwise(MemoryOp op, std::string name, std::int64_t arrays,
                    void (*kernel)(const CpuPointwise&)) {
  return {op, std::move(name), arrays, 1,
          [kernel](std::shared_ptr<Buffers> buffers, std::int64_t count, int threads) -> Work {
            return [=](std::int64_t) {
              kernel({buffers->a.data(), buffers->b.data(), buffers->c.data(), count, threads});
            };
          }};
}

Operation rowwise(MemoryOp op, std::string name, void (*kernel)(const CpuRowwise&)) {
  return {op, std::move(name), 2, kColumns,
          [kernel](std::shared_ptr<Buffers> buffers, std::int64_t count, int threads) -> Work {
            return [=](std::int64_t) {
              kernel({.x = buffers->a.data(),
                      .gamma = buffers->b.data(),
                      .beta = buffers->d.data(),
                      .y = buffers->c.data(),
                      .rows = count / kColumns,
                      .columns = kColumns,
                      .threads = threads});
            };
          }};
}

Operation optimizer() {
  // Reads weight, gradient and two moments, writes weight and moments: seven arrays.
  return {MemoryOp::optimizer, "adam", 7, 1,
          [](std::shared_ptr<Buffers> buffers, std::int64_t count, int threads) -> Work {
            for (float& value : buffers->c) value = std::abs(value);
            return [=](std::int64_t call) {
              cpu_kernels().adam({.weights = buffers->a.data(),
                                  .moment1 = buffers->b.data(),
                                  .moment2 = buffers->c.data(),
                                  .gradient = buffers->d.data(),
                                  .count = count,
                                  .learning_rate = 1e-6F,
                                  .step = call + 1,
                                  .threads = threads});
            };
          }};
}

Operation cross_entropy() {
  return {MemoryOp::cross_entropy, "cross_entropy", 2, kColumns,
          [](std::shared_ptr<Buffers> buffers, std::int64_t count, int threads) -> Work {
            const std::int64_t rows = count / kColumns;
            const auto targets = std::make_shared<std::vector<std::int32_t>>();
            for (std::int64_t row = 0; row < rows; ++row)
              targets->push_back(static_cast<std::int32_t>(row * 7 % kColumns));
            return [=](std::int64_t) {
              cpu_kernels().cross_entropy({.logits = buffers->a.data(),
                                           .targets = targets->data(),
                                           .gradient = buffers->c.data(),
                                           .loss = buffers->d.data(),
                                           .rows = rows,
                                           .columns = kColumns,
                                           .threads = threads});
            };
          }};
}

std::vector<Operation> operations() {
  const CpuKernels& kernels = cpu_kernels();
  return {pointwise(MemoryOp::copy, "copy", 2, kernels.copy),
          pointwise(MemoryOp::add, "triad", 3, kernels.triad),
          pointwise(MemoryOp::gelu, "gelu", 2, kernels.gelu),
          rowwise(MemoryOp::layer_norm, "layer_norm", kernels.layer_norm),
          rowwise(MemoryOp::softmax, "softmax", kernels.softmax),
          cross_entropy(),
          optimizer()};
}

// Sets of buffers to take turns with: one where the operation stays in the second-level cache, as
// after the product that wrote its operands; else as many as make 128 MiB, as a step touches between
// two uses of the same memory.
std::int64_t sets_of(std::int64_t bytes) {
  const std::int64_t level2 = std::max<std::int64_t>(cpu_caches().level2, 1LL << 20);
  return bytes <= level2 ? 1 : std::max<std::int64_t>(1, (128LL << 20) / bytes);
}

Point memory_point(const Operation& operation, std::int64_t target_bytes, int threads) {
  const std::int64_t unit = 4 * operation.arrays * operation.multiple;
  const std::int64_t count = std::max<std::int64_t>(1, target_bytes / unit) * operation.multiple;
  const std::int64_t bytes = 4 * operation.arrays * count;
  Point point;
  point.fields = {{"kind", "memory"},
                  {"op", std::string(to_text(operation.op))},
                  {"bytes", std::to_string(bytes)},
                  {"rows", operation.multiple > 1 ? std::to_string(count / kColumns) : ""},
                  {"precision", "fp32"},
                  {"threads", std::to_string(threads)},
                  {"stack", cpu_stack(threads)},
                  {"kernel", operation.name}};
  point.prepare = [operation, count, bytes, threads]() -> Prepared {
    const std::int64_t sets = sets_of(bytes);
    require_memory(2 * sets * bytes);
    Buffers first;
    std::uint64_t seed = 0;
    for (std::vector<float>* values : {&first.a, &first.b, &first.c, &first.d})
      *values = random_values<float>(std::max(count, kColumns), ++seed);
    std::vector<Work> works;
    for (std::int64_t set = 0; set < sets; ++set)
      works.push_back(operation.bind(std::make_shared<Buffers>(first), count, threads));
    Prepared out;
    out.run = [works](std::int64_t call) {
      works[static_cast<std::size_t>(call) % works.size()](call);
    };
    return out;
  };
  return point;
}

// Bytes from 16 KiB, doubling (quick: times 4), to twice the last cache, at most 1 GiB (256 MiB).
std::vector<std::int64_t> working_sets(Effort effort) {
  const bool quick = effort == Effort::quick;
  const std::int64_t cap = quick ? 256LL << 20 : 1LL << 30;
  const std::int64_t last = std::clamp<std::int64_t>(2 * cpu_caches().level3, 64LL << 20, cap);
  std::vector<std::int64_t> out;
  for (std::int64_t bytes = 16 << 10; bytes <= last; bytes *= quick ? 4 : 2) out.push_back(bytes);
  return out;
}

}  // namespace

std::vector<Benchmark> cpu_memory_benchmarks(const Selection& selection) {
  Benchmark out{"memory", {}};
  for (const int threads : thread_counts(selection)) {
    for (const Operation& operation : operations()) {
      for (const std::int64_t bytes : working_sets(selection.effort))
        out.points.push_back(memory_point(operation, bytes, threads));
    }
  }
  return {out};
}

}  // namespace windtunnel::real
