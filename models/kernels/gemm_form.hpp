// Time of a matrix product from shapes and a data sheet: tiles, waves, split-k, caches.
//
// The library cuts C into tiles of tile_m x tile_n, one to a streaming multiprocessor (SM) at a
// time, and picks the tile shape that is fastest. For a candidate tile:
//   tiles  = batch groups ceil(m / tile_m) ceil(n / tile_n)
//   waves  = max(1, q ceil(tiles / SMs) + (1 - q) tiles / SMs)         q: wave quantization
//   step   = 2 (tile_m tile_n + load (tile_m + tile_n)) / (rate / SMs)
//   rate   = efficiency peak (1 + load (1 / 128 + 1 / 256)), so that a 128 x 256 tile runs at
//            efficiency peak
//   mma    = waves (k step + tile)
//   split  = k step / s + tile + split + 8 tile_m tile_n tiles s / l2_bandwidth
//                                                                s = min(SMs / tiles, k / 64)
//   math   = least of mma and, where tiles < SMs / 2, split, over the candidates
//   math  += math throttle x / (1 + x), x = math / 0.5 ms       the power limit on long products
// Beside it the memory system, with A, W (weights) and C the bytes of the operands:
//   miss(u) = 0 up to u = 1, then (u - 1) / (u - 1 + 1/4),   u = footprint / (l2_share L2)
//   dram   = A miss(A + W + C) + W miss(A + copies W + C) + C miss(A + W + C)
//   memory = dram / (dram_efficiency bandwidth) + (A + W + C - dram) / l2_bandwidth
// and together
//   time   = launch + max(math, memory) + overlap min(math, memory)
//            + staging m k / (dram_efficiency bandwidth)
//            + ragged, where m is no multiple of 4 (with an eager host it is the host's)
// A table taken without CUDA graphs shows max(time, h) + 0.4 min(time, h), h = host + ragged: what
// the framework needs to make one call, and how little of the device's work it hides (the share is
// that of three GPUs' eager tables).
// `math` is multiplied by `misaligned`: 1 where the rows of A and of W (k elements) begin on 16
// bytes; 1.1, 1.35 and 2 where on 8, 4 and 2 bytes, as vector loads get narrower (the guide gives
// the rule, the factors are assumed: no table has such rows); rows of C (n elements) cost a third
// of that. Formats below 16 bits are padded to 16 elements.
// Products of a `batch` fill waves together; a grouped product is taken as `groups` equal problems.
// Assumptions: a measuring loop calls the product over and over on the same A with `copies` copies
// of the weights in turn; what fits the L2 stays there, and an eager host may be what it waits for
// (`Cache::warm`: as the tables were measured). A layer in a network finds its weights in DRAM,
// last used a step ago, and its launches made ahead (`Cache::cold`: copies without end, no host).
// Sources: NVIDIA, "Matrix Multiplication Background User's Guide" (tiles, waves, alignment);
// Osama et al., Stream-K, PPoPP 2023 (split of k).
// Laws (tests): not decreasing in m, n, k, batch while alignment is the same; not below work / peak
// nor, when cold, bytes / bandwidth; falls with peak and with bandwidth.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

// What a fit finds, one set a (GPU, stack, format). Times in seconds.
struct GemmParameters {
  double launch = 3e-6;           // start, first loads, last stores: the least time of a product
  double efficiency = 0.8;        // of the peak, by large tiles on long k
  double dram_efficiency = 0.85;  // of the data sheet's bandwidth
  double l2_bandwidth = 2.5;      // over the data sheet's DRAM bandwidth
  double l2_share = 0.7;          // of the L2's size that keeps operands between calls
  double tile = 0.6e-6;           // prologue and epilogue of a tile
  double load = 16.0;         // elements: tile edge at which loading costs as much as the product
  double quantization = 0.8;  // 0: stream-k, 1: whole waves
  double split = 1.0e-6;      // sum over the parts of k
  double overlap = 0.3;       // of the shorter of math and memory that is not hidden
  double throttle = 0.1;      // slow-down of long products by the power limit
  double staging = 0.0;       // bytes moved an element of A before the product (quantization)
  double ragged = 1e-7;       // extra where m is no multiple of 4 (kernels that pad it first)
  double host = 1e-9;         // least time between calls of an eager framework
  // How the rows were measured, not fitted: copies of the weights used in turn, and whether the
  // loop makes no more of them than fill the L2.
  double copies = 1e6;
  double copies_fill_l2 = 0.0;  // 1: copies = min(copies, ceil(L2 / W))
  double misalignment = 1.0;    // of the published penalty of misaligned rows
};

// Name, unit and range of each parameter, in the order of the struct's members.
struct GemmParameterSpec {
  std::string_view name, unit, meaning;
  double GemmParameters::*member;
  double low, high;
};
inline constexpr std::size_t kGemmParameterCount = 14;
const std::array<GemmParameterSpec, kGemmParameterCount>& gemm_parameter_specs();

enum class Cache { warm, cold };

class GemmForm {
 public:
  GemmForm(const sim::Gpu& gpu, NumberFormat format, const GemmParameters& parameters);

  // `query.format` is not read: the form is of one format.
  base::Seconds time(const GemmQuery& query, Cache cache = Cache::warm) const;
  // Both at once, for little more than one: `warm` without the host, which stands apart.
  struct Times {
    base::Seconds warm{0}, cold{0}, host{0};
  };
  Times times(const GemmQuery& query) const;
  // What an eager measuring loop sees of a product that takes `device`.
  static base::Seconds eager(base::Seconds device, base::Seconds host);
  // Work over peak or bytes over bandwidth, whichever is more, of the data sheet.
  base::Seconds roofline(const GemmQuery& query) const;

 private:
  struct Tile {
    int log2_m, log2_n;
    double step, fixed, partial;
  };
  struct Shape {
    double m, n, k, problems;
  };
  struct Traffic {
    double warm, cold;
  };
  double math(const GemmQuery& query) const;
  Traffic memory(const Shape& shape) const;
  double misaligned(const GemmQuery& query) const;

  std::vector<Tile> tiles_;
  GemmParameters parameters_;
  double sms_ = 1.0, inverse_sms_ = 1.0, peak_ = 1.0, bandwidth_ = 1.0, l2_ = 0.0;
  double weight_bytes_ = 2.0, activation_bytes_ = 2.0, output_bytes_ = 2.0;
  double inverse_dram_ = 0.0, inverse_l2_ = 0.0, beyond_l2_ = 0.0, inverse_share_ = 0.0;
};

// The tensor-core rate a format's product runs at on this GPU: its own, or that of the format it is
// widened to where the GPU lacks it (fp8 on Ampere: bf16).
struct MathRate {
  base::FlopsPerSecond peak{0};
  bool widened = false;
};
MathRate math_rate(const sim::Gpu& gpu, NumberFormat format);

// Parameters of a GPU without tables: carried over from its nearest relative.
struct DefaultGemm {
  GemmParameters parameters;
  double log_spread = 0.35;   // standard deviation of ln(time) to expect
  std::string_view relative;  // whose rows they were fitted on
};
DefaultGemm default_gemm_parameters(const sim::Gpu& gpu, NumberFormat format);

}  // namespace windtunnel::models
