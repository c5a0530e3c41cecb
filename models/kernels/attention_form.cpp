#include "models/kernels/attention_form.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

constexpr double kTile = 128;       // query rows a thread block, keys a block
constexpr double kPackedRows = 16;  // least rows of a tensor-core product
constexpr double kExponentialsPerClock = 16, kClock = 1.7e9;

double count(std::int64_t n) {
  return static_cast<double>(n);
}

double norm(double a, double b, double p) {
  const double most = std::max(a, b), least = std::min(a, b);
  if (least <= 0) return most;
  const double power = p * std::log(least / most);
  constexpr double kNothing = -16;  // below 1e-7 of the larger
  return power < kNothing ? most : most * std::exp(std::log1p(std::exp(power)) / p);
}

double value_dim(const AttentionQuery& q) {
  return count(q.value_dim > 0 ? q.value_dim : q.head_dim);
}

double padded_dims(const AttentionQuery& q) {
  return count(padded_head_dim(q.head_dim) +
               padded_head_dim(q.value_dim > 0 ? q.value_dim : q.head_dim));
}

// MLA decode: one latent is key and value of all heads.
bool latent(const AttentionQuery& q) {
  return q.kv_heads == 1 && q.value_dim > 0 && q.value_dim < q.head_dim &&
         q.phase == AttentionPhase::decode;
}

// Elements that a key and its value take.
double dims_stored(const AttentionQuery& q) {
  return latent(q) ? count(q.head_dim) : count(q.head_dim) + value_dim(q);
}

bool windowed(const AttentionQuery& q) {
  return q.window > 0 && q.window < std::max(q.kv_len, q.q_len);
}

// (query, key) pairs that the tiles of one head compute, with the rows they are
// padded to.
struct TileWork {
  double tiles, pairs, longest;
};

// Pairs under a causal mask in which each query sees at most `window` keys.
double causal_pairs(double queries, double prefix, double window, double rows) {
  const double growing = std::clamp(window - prefix, 0.0, queries);  // queries that see all before
  const double triangle = growing * (growing + 1) / 2;
  // A tile of few new tokens still multiplies all its rows with the keys that
  // all of them see.
  return triangle + (growing * prefix + (queries - growing) * window) * rows / queries;
}

TileWork tile_work(const AttentionQuery& q, double waste) {
  const double queries = count(q.q_len), keys = count(std::max(q.kv_len, q.q_len));
  TileWork work{};
  work.tiles = std::ceil(queries / kTile);
  const double rows = work.tiles * kTile;
  const double keys_padded = std::ceil(keys / kTile) * kTile;
  const double window = windowed(q) ? count(q.window) : keys;
  if (q.mask == AttentionMask::full) {
    work.pairs = rows * std::min(keys_padded, window + kTile);
  } else {
    const double edge = 0.5 * rows * kTile * waste;
    const double prefix = keys - queries;
    work.pairs = causal_pairs(queries, prefix, keys, rows) + edge;
    if (windowed(q)) {
      work.pairs = std::min(work.pairs, causal_pairs(queries, prefix, window, rows) + 2 * edge);
    }
  }
  work.longest = std::min(window + kTile, keys_padded) * kTile;
  return work;
}

template <class Parameters, std::size_t N>
using Ranges = std::array<ParameterRange<Parameters>, N>;

constexpr Ranges<ContextParameters, 9> kContextRanges{{
    {"launch", "s", &ContextParameters::launch, 1e-6, 1e-4},
    {"tensor_efficiency", "", &ContextParameters::tensor_efficiency, 0.02, 1.0},
    {"softmax_exposed", "", &ContextParameters::softmax_exposed, 1e-3, 20},
    {"tile_overhead", "s", &ContextParameters::tile_overhead, 1e-8, 1e-4},
    {"sharpness", "", &ContextParameters::sharpness, 1.1, 30},
    {"tile_waste", "", &ContextParameters::tile_waste, 0.05, 8},
    {"query_passes", "", &ContextParameters::query_passes, 1e-3, 40},
    {"key_passes", "", &ContextParameters::key_passes, 1e-3, 40},
    {"prefix_splits", "", &ContextParameters::prefix_splits, 1, 1e3},
}};

constexpr Ranges<DecodeParameters, 11> kDecodeRanges{{
    {"launch", "s", &DecodeParameters::launch, 1e-6, 1e-4},
    {"split", "s", &DecodeParameters::split, 1e-8, 1e-4},
    {"bandwidth_efficiency", "", &DecodeParameters::bandwidth_efficiency, 0.02, 1.0},
    {"block_latency", "s", &DecodeParameters::block_latency, 1e-8, 2e-5},
    {"tensor_efficiency", "", &DecodeParameters::tensor_efficiency, 0.01, 1.0},
    {"sharpness", "", &DecodeParameters::sharpness, 1.1, 30},
    {"sequence_overhead", "s", &DecodeParameters::sequence_overhead, 1e-9, 1e-4},
    {"query_passes", "", &DecodeParameters::query_passes, 1e-3, 40},
    {"packed_heads", "", &DecodeParameters::packed_heads, 1, 1e6},
    {"unpacked_block", "s", &DecodeParameters::unpacked_block, 1e-7, 2e-5},
    {"latent_efficiency", "", &DecodeParameters::latent_efficiency, 0.01, 1.0},
}};

}  // namespace

std::span<const ParameterRange<ContextParameters>> context_parameter_ranges() {
  return kContextRanges;
}
std::span<const ParameterRange<DecodeParameters>> decode_parameter_ranges() {
  return kDecodeRanges;
}

AttentionDevice attention_device(const sim::Gpu& gpu, NumberFormat format) {
  AttentionDevice device;
  device.multiprocessors = std::max(1, gpu.streaming_multiprocessors);
  device.bandwidth = gpu.memory_bandwidth.value();
  device.l2 = gpu.l2_cache.value();
  device.exponential_rate = kExponentialsPerClock * kClock;
  for (const std::string_view name : {math_peak(format), std::string_view("bf16"),
                                      std::string_view("fp16"), std::string_view("fp32")}) {
    const auto found = gpu.peak.find(std::string(name));
    if (found == gpu.peak.end()) continue;
    device.tensor_rate = found->second.value();
    return device;
  }
  return device;
}

std::int64_t padded_head_dim(std::int64_t head_dim) {
  base::expects(head_dim > 0, "a head has a size");
  const std::int64_t step = head_dim <= 128 ? 32 : 64;
  return (head_dim + step - 1) / step * step;
}

double context_time(const AttentionQuery& q, const ContextParameters& p,
                    const AttentionDevice& device) {
  const double heads = count(q.batch) * count(q.heads);
  const double kv_heads = count(q.batch) * count(q.kv_heads);
  const double pair =
      2 * padded_dims(q) * device.multiprocessors / (p.tensor_efficiency * device.tensor_rate) +
      p.softmax_exposed / device.exponential_rate;
  const TileWork work = tile_work(q, p.tile_waste);
  const double total = heads * (work.pairs * pair + work.tiles * p.tile_overhead);
  double longest = work.longest * pair;
  if (q.kv_len > q.q_len) {
    const double idle = device.multiprocessors / (heads * work.tiles);
    const double blocks = work.longest / (4 * kTile * kTile);  // pieces of four blocks of keys
    longest /= std::clamp(idle, 1.0, std::max(1.0, std::min(blocks, p.prefix_splits)));
  }
  const double math = norm(longest + p.tile_overhead, total / device.multiprocessors, p.sharpness);
  const double queries = count(q.q_len), keys = count(std::max(q.kv_len, q.q_len));
  const double read = windowed(q) ? std::min(keys, count(q.window) + queries) : keys;
  const double dims = count(q.head_dim) + value_dim(q);
  const double query_bytes = heads * queries * dims * activation_bytes(q.format);
  const double key_bytes =
      kv_heads * dims * (queries * 2 + (read - queries) * activation_bytes(q.kv_format));
  return p.launch + math +
         (p.query_passes * query_bytes + p.key_passes * std::max(key_bytes, 0.0)) /
             device.bandwidth;
}

double decode_time(const AttentionQuery& q, const DecodeParameters& p,
                   const AttentionDevice& device) {
  const double sequences = count(q.batch) * count(q.kv_heads);
  const double shared = count(q.heads) / count(q.kv_heads);
  const double keys = windowed(q) ? count(q.window) : count(q.kv_len);
  const double blocks = std::ceil(keys / kTile);
  const double rows = std::ceil(count(q.q_len) * shared / kPackedRows) * kPackedRows;
  const double products =
      2 * padded_dims(q) * rows * kTile * device.multiprocessors /
      ((latent(q) ? p.latent_efficiency : p.tensor_efficiency) * device.tensor_rate);
  const bool packed = latent(q) || shared <= p.packed_heads;
  const double streams = packed ? sequences : sequences * shared;
  const double block = packed ? std::max(p.block_latency, products) : p.unpacked_block;
  const double bytes = sequences * keys * dims_stored(q) * activation_bytes(q.kv_format);
  const double stream =
      norm(bytes / (p.bandwidth_efficiency * device.bandwidth),
           std::max(blocks * streams / device.multiprocessors, 1.0) * block, p.sharpness);
  const double query_bytes =
      count(q.batch) * count(q.heads) * count(q.q_len) * (count(q.head_dim) + value_dim(q)) * 2;
  const double split = p.split * std::min(1.0, std::log2(std::max(keys / kTile, 1.0)) / 3);
  return p.launch + split + stream + streams * p.sequence_overhead / device.multiprocessors +
         p.query_passes * query_bytes / device.bandwidth;
}

double backward_time(const AttentionQuery& q, const ContextParameters& p,
                     const AttentionDevice& device) {
  const double forward = context_time(q, p, device) - p.launch;
  // Two launches: the preparation of dO . O, then the gradients.
  return 2 * p.launch + forward * kBackwardFlops / kBackwardRate;
}

double attention_least_time(const AttentionQuery& q, const AttentionDevice& device) {
  const double work = flops(q).value() / device.tensor_rate;
  const double keys = windowed(q) ? count(q.window) : count(std::max(q.kv_len, q.q_len));
  const double stored =
      count(q.batch) * count(q.kv_heads) * keys * dims_stored(q) * activation_bytes(q.kv_format);
  return std::max(work, std::max(stored - device.l2, 0.0) / device.bandwidth);
}

}  // namespace windtunnel::models
