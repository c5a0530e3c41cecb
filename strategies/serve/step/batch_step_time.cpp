#include "strategies/serve/step/batch_step_time.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using models::BatchShape;
using models::MemoryOp;
using models::NumberFormat;
using models::Op;

constexpr double kOverlap = 0.2;  // of the shorter of math and memory that stays exposed
constexpr double kStages = 256;  // bytes of depth that filling and draining a tile's pipeline takes
constexpr double kDeep = 4096;   // elements of depth at which rates of products are known
constexpr double kSmallTiles = 1.87;  // operands of tiles of 64 x 64 against 128 x 256
constexpr double kRowCost = 128;      // bytes that a row of a table costs beside its own
constexpr double kLoad = 94.0;        // elements; gemm_form.hpp, fitted on Hopper and Ada

// 90 % of measured batches: of their products' rate, and of what a power limit leaves.
constexpr double kProductLow = 0.8, kProductHigh = 1.25;
constexpr double kSustainedLow = 0.87, kSustainedHigh = 1.18;

constexpr double kAttentionRate = 0.4;    // of large products, where softmax lies between two
constexpr std::int64_t kShortKeys = 512;  // keys and values of a head stay in shared memory

double real(std::int64_t value) {
  return static_cast<double>(value);
}

double operand_load(double width) {
  return (1.0 + kLoad * (1.0 / 128.0 + 1.0 / width)) / (1.0 + kLoad * (1.0 / 128.0 + 1.0 / 256.0));
}

bool is_masked_head(const Op& op) {
  return op.rows.basis == models::RowBasis::loss_token || op.name.starts_with("head.transform");
}

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace

FusedBatchTime::FusedBatchTime(BatchOptions options)
    : options_(std::move(options)), clock_(options_.cluster, options_.links) {
  // INT8 is calibrated from end to end; an FP8 graph keeps 16 bits between its products.
  element_ = options_.formats.linear == NumberFormat::int8 ? 1.0 : 2.0;
  rates_ = batch_rates(options_.gpu, options_.kernels, options_.formats.linear);
  if (options_.formats.linear == NumberFormat::fp8) {  // whose convolutions stay in 16 bits
    rates_.convolution =
        batch_rates(options_.gpu, options_.kernels, NumberFormat::fp16).convolution;
  }
  const BatchCost typical =
      cost(*options_.network, {.samples = 64, .tokens = 64 * 128, .longest = 128});
  const PartTime::Factors kernels = typical.parts.band();
  const double unlimited = typical.parts.time(), limited = least_time(typical);
  const double time = std::max(unlimited, limited);
  band_ = {.low = std::max(kernels.low * unlimited, kSustainedLow * limited) / time,
           .high = std::max(kernels.high * unlimited, kSustainedHigh * limited) / time};
  rests_on_ = typical.parts.rests_on();
}

bool FusedBatchTime::fused_away(const Op& op) const {
  if (is_masked_head(op)) return true;
  const auto* pass = std::get_if<models::MemoryWork>(&op.work);
  if (pass == nullptr) return false;
  switch (pass->op) {
    case MemoryOp::gelu:
    case MemoryOp::swiglu:
    case MemoryOp::add:
    case MemoryOp::residual_dropout:
    case MemoryOp::cross_entropy:
    case MemoryOp::cast:
      return true;
    case MemoryOp::layer_norm:
    case MemoryOp::rms_norm:
      return options_.norms == BatchOptions::Norms::folded;
    default:
      return false;
  }
}

void FusedBatchTime::add_query(const models::KernelQuery& query, double count,
                               BatchCost& out) const {
  std::visit(
      [&](const auto& q) {
        using Query = std::decay_t<decltype(q)>;
        PartKind kind = PartKind::memory;
        if constexpr (std::is_same_v<Query, models::GemmQuery>) kind = PartKind::gemm;
        if constexpr (std::is_same_v<Query, models::AttentionQuery>) kind = PartKind::attention;
        out.parts.add(kind, options_.kernels.time(q), count);
        if constexpr (requires { q.format; }) out.executed += models::flops(q).value() * count;
      },
      query);
  out.parts.kernels += count;
}

models::KernelTime FusedBatchTime::copy_time(double bytes, MemoryOp op) const {
  return options_.kernels.time(models::MemoryQuery{.op = op, .bytes = base::Bytes(bytes)});
}

double FusedBatchTime::tiling(const Product& product) const {
  const double width = real(round_up(product.outputs, std::int64_t{64}));
  const double units = real(options_.gpu.streaming_multiprocessors);
  const double rows = real(product.rows), groups = real(product.groups);
  const double tiles = std::ceil(rows / 64.0) * width / 64.0 * groups;
  const double load = operand_load(std::min(256.0, width));
  if (tiles <= units) return load * units / tiles;
  if (product.kind == Product::Kind::convolution) return load;
  double best = std::numeric_limits<double>::infinity();
  for (const double tile : {128.0, 256.0}) {
    const double waves = std::ceil(rows / 128.0) * std::ceil(width / tile) * groups / units;
    best = std::min(best, operand_load(std::min(tile, width)) * std::ceil(waves) / waves);
  }
  return std::min(best, load * std::min(tiles / units, kSmallTiles));
}

double FusedBatchTime::shallow(const Product& product) const {
  if (product.kind == Product::Kind::convolution) return 1.0;
  const double stages = kStages / models::activation_bytes(options_.formats.linear);
  return (1.0 + stages / real(product.depth)) / (1.0 + stages / kDeep);
}

void FusedBatchTime::add_product(const Product& product, BatchCost& out) const {
  const double width = real(round_up(product.outputs, std::int64_t{64}));
  const double depth = real(round_up(product.depth, std::int64_t{32}));
  const double executed = 2.0 * real(product.rows * product.groups) * width * depth;
  const double math = executed * tiling(product) * shallow(product) / product.rate;
  const double weights = real(product.depth * product.outputs * product.groups) *
                         models::weight_bytes(options_.formats.linear);
  const models::KernelTime copy = copy_time(product.elements * element_ + weights, MemoryOp::copy);
  const auto both = [](double one, double other) {
    return base::Seconds(std::max(one, other) + kOverlap * std::min(one, other));
  };
  out.parts.add(PartKind::gemm,
                models::KernelTime{.time = both(math, copy.time.value()),
                                   .low = both(kProductLow * math, copy.low.value()),
                                   .high = both(kProductHigh * math, copy.high.value()),
                                   .basis = models::Basis::model},
                1.0);
  out.parts.kernels += 1.0;
  out.executed += executed;
}

void FusedBatchTime::add_short_attention(const models::AttentionQuery& query, double count,
                                         BatchCost& out) const {
  const double keys = real(round_up(query.kv_len, std::int64_t{64}));
  const double rows = real(query.batch * query.q_len) * real(query.heads);
  const double width =
      real(query.head_dim + (query.value_dim > 0 ? query.value_dim : query.head_dim));
  const double executed = 2.0 * rows * keys * width;
  const double math = executed / (kAttentionRate * rates_.product);
  const double operands = 2.0 * rows * width * element_;
  const models::KernelTime copy = copy_time(operands, MemoryOp::copy);
  const double time = std::max(math, copy.time.value());
  models::KernelTime answer{.time = base::Seconds(time),
                            .low = base::Seconds(0.7 * time),
                            .high = base::Seconds(1.4 * time),
                            .basis = models::Basis::model};
  out.parts.add(PartKind::attention, answer, count);
  out.parts.kernels += count;
  out.executed += executed * count;
}

void FusedBatchTime::add_lookups(std::int64_t rows, BatchCost& out) const {
  double bytes = 0;
  for (const std::size_t index : options_.network->order) {
    for (const Op& op : options_.network->blocks[index].ops) {
      const auto* table = std::get_if<models::EmbeddingWork>(&op.work);
      if (table == nullptr) continue;
      const double row = real(table->width) * element_;
      bytes += real(op.rows.per) * (real(table->lookups) * (row + kRowCost) + row);
    }
  }
  if (bytes <= 0) return;
  const double read = bytes * real(rows) / real(options_.tensor);
  out.parts.add(PartKind::memory, copy_time(read, MemoryOp::copy), 1.0);
  out.looked_up += read;
  out.parts.kernels += 1.0;
}

void FusedBatchTime::add_op(const Op& op, const BatchShape& shape, BatchCost& out) const {
  if (fused_away(op) || std::holds_alternative<models::EmbeddingWork>(op.work)) return;
  BatchShape own = shape;
  if (options_.rows == BatchOptions::SampleRows::tokens) {
    own.sequences = models::ceil_div(own.sequences, options_.tensor);
  }
  const std::int64_t rows = models::total_rows(op.rows, own, models::Mode::prefill);
  if (const auto* map = std::get_if<models::ConvolutionWork>(&op.work)) {
    const double maps =
        real(map->in_channels * map->in_positions) + real(map->out_channels * map->out_positions);
    return add_product({.rows = rows * map->out_positions,
                        .outputs = map->out_channels / map->groups,
                        .depth = map->in_channels / map->groups * map->kernel_volume,
                        .groups = map->groups,
                        .elements = real(rows) * maps,
                        .rate = rates_.convolution,
                        .kind = Product::Kind::convolution},
                       out);
  }
  if (const auto* layer = std::get_if<models::LinearWork>(&op.work)) {
    return add_product({.rows = rows,
                        .outputs = layer->outputs,
                        .depth = layer->inputs,
                        .elements = real(rows) * real(layer->inputs + layer->outputs),
                        .rate = rates_.product},
                       out);
  }
  models::Kernels kernels;
  models::lower(op, own, {.mode = models::Mode::prefill, .formats = options_.formats},
                models::Pass::forward, kernels);
  for (models::Kernel& kernel : kernels) {
    if (auto* pass = std::get_if<models::MemoryQuery>(&kernel.query)) {
      pass->bytes = pass->bytes * (element_ / models::element_bytes(options_.formats));
    }
    const auto* attention = std::get_if<models::AttentionQuery>(&kernel.query);
    if (attention != nullptr && attention->mask == models::AttentionMask::full &&
        attention->kv_len <= kShortKeys) {
      add_short_attention(*attention, real(kernel.count), out);
    } else {
      add_query(kernel.query, real(kernel.count), out);
    }
  }
}

void FusedBatchTime::add_table_exchange(std::int64_t rows, BatchCost& out) const {
  double width = 0;
  for (const std::size_t index : options_.network->order) {
    for (const Op& op : options_.network->blocks[index].ops) {
      if (const auto* work = std::get_if<models::EmbeddingWork>(&op.work)) {
        width += real(work->width);
      }
    }
  }
  const double bytes =
      real(rows) * width * models::element_bytes(options_.formats) / real(options_.tensor);
  const std::int64_t per_node = std::max(1, options_.cluster->node.gpus);
  const GroupShape group{.ranks = options_.tensor,
                         .nodes = models::ceil_div(options_.tensor, per_node),
                         .gpus_per_node = std::min(options_.tensor, per_node)};
  const CommunicationTime time =
      clock_.collective(collectives::Op::all_to_all, base::Bytes(bytes), group);
  out.parts.add(PartKind::exchange, {time.time.value(), time.low.value(), time.high.value()}, 1.0);
}

FusedBatchTime::BatchCost FusedBatchTime::cost(const models::Network& network,
                                               const Batch& batch) const {
  const bool tokens = options_.rows == BatchOptions::SampleRows::tokens;
  const std::int64_t samples = std::max<std::int64_t>(1, tokens ? batch.tokens : batch.samples);
  const std::int64_t length = tokens ? 1 : std::max<std::int64_t>(1, batch.tokens / samples);
  const bool mixed = !tokens && options_.lengths == BatchOptions::Lengths::mixed;
  const BatchShape shape{.sequences = samples,
                         .query_tokens = length,
                         .kv_tokens = mixed ? std::max(length, batch.longest) : length};
  BatchCost out;
  for (const std::size_t index : network.order) {
    for (const Op& op : network.blocks[index].ops) add_op(op, shape, out);
  }
  add_lookups(samples * length, out);
  if (tokens && options_.tensor > 1) add_table_exchange(samples, out);
  return out;
}

double FusedBatchTime::least_time(const BatchCost& cost) const {
  return cost.executed / rates_.sustained + cost.looked_up / rates_.lookups;
}

double FusedBatchTime::pass_time(const models::Network& network, const Batch& batch) const {
  const BatchCost one = cost(network, batch);
  return std::max(one.parts.time(), least_time(one));
}

PartTime FusedBatchTime::parts(const Batch& batch) const {
  return cost(*options_.network, batch).parts;
}

StepTime FusedBatchTime::time(const Batch& batch) {
  base::expects(batch.samples >= 1 && batch.tokens >= 1, "a batch has samples");
  const bool mixed = options_.lengths == BatchOptions::Lengths::mixed;
  const auto [known, is_new] =
      known_.try_emplace({batch.samples, batch.tokens, mixed ? batch.longest : 0}, 0.0);
  if (is_new) {
    known->second = pass_time(*options_.network, batch) * real(options_.network->evaluations);
    if (options_.once != nullptr) known->second += pass_time(*options_.once, batch);
  }
  const base::Seconds device(known->second);
  return {.total = device + options_.launch, .latency = device + options_.launch, .device = device};
}

std::vector<std::string> FusedBatchTime::notes() const {
  std::vector<std::string> notes;
  models::Kernels kernels;
  for (const models::Block& block : options_.network->blocks) {
    for (const Op& op : block.ops) {
      const bool product = std::holds_alternative<models::ConvolutionWork>(op.work) ||
                           std::holds_alternative<models::LinearWork>(op.work);
      if (fused_away(op) || product) continue;
      models::lower(op, {.sequences = 16, .query_tokens = 16},
                    {.mode = models::Mode::prefill, .formats = options_.formats},
                    models::Pass::forward, kernels);
    }
  }
  for (const models::Kernel& kernel : kernels) {
    const std::string note = options_.kernels.note(kernel.query);
    if (!note.empty() && std::find(notes.begin(), notes.end(), note) == notes.end()) {
      notes.push_back(note);
    }
  }
  return notes;
}

}  // namespace windtunnel::strategies
