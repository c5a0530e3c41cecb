// How long the experts of one MoE layer take on the rank that is loaded most (the layer's pace),
// router left out: permutation, two (gated: fused up and gate) grouped GEMMs, activation, weighted
// sum.
//
// Load (`rank_load`): T tokens choose k of E experts. Balanced (skew 0): T k / ranks pairs and
// min(E / ranks, T k / ranks) experts hit. Skewed: popularities x of the experts are drawn with
// density x^-skew between lo and hi, as the public tables were made: [1, 0.8 T] where T k > E, else
// [0.01, 2] (aiconfigurator, power_law_logits). Of the E / R experts of R ranks the largest sum of a
// rank is estimated between a normal and a lognormal maximum (geometric mean), and not below a rank
// that holds the expected top expert; experts with less than half a token are not hit. Against
// 200 draws of each of 70 layouts: 2 % median error of the share, 6 % p90.
// Time: t = t0 + norm_p(norm_p(weights / (e_b W), products / (e_c P)), d (hidden + width))
//         + c_p pairs (2 hidden + 3 width) 2 B / W + c_t T k hidden 2 B / W + c_e E / R
//   width    = intermediate / tensor ranks
//   weights  = bytes of the matrices of the experts hit
//   products = those of rows padded to tiles: hit * tile * (u + (1 + e^-2u) / 2), u tokens of an
//              expert over the tile
//   d        latency of a step along k when one wave covers all; c_p passes over the rank's own pairs
//            (permute, activation, finalize), c_t over all pairs of the group (kernels that walk them
//            all), c_e set-up of each expert held.
// Contract: positive, rising with tokens, hidden, intermediate and top_k (steps of a token's
// rounding aside), no allocation.
#pragma once

#include <span>
#include <string_view>

#include "models/kernels/attention_form.hpp"
#include "models/kernels/kernel_query.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

struct MoeLoad {
  double experts = 1;  // held by a rank
  double pairs = 1;    // (token, expert) pairs of the most loaded rank
  double hit = 1;      // its experts with a token
};
MoeLoad rank_load(const MoeQuery& query);

// What the form asks of a GPU, SI units.
struct MoeDevice {
  double tensor_rate = 1;
  double bandwidth = 1;
  double l2 = 0;
};
MoeDevice moe_device(const sim::Gpu& gpu, NumberFormat format);

struct MoeParameters {
  double launch = 20e-6;              // t0, s
  double bandwidth_efficiency = 0.8;  // e_b
  double tensor_efficiency = 0.6;     // e_c
  double tile_rows = 32;
  double depth_step = 1e-9;    // d, s
  double sharpness = 2.5;      // p
  double pair_passes = 1.0;    // c_p
  double token_passes = 0.5;   // c_t
  double expert_setup = 1e-8;  // c_e, s
};
std::span<const ParameterRange<MoeParameters>> moe_parameter_ranges();

double moe_time(const MoeQuery& query, const MoeLoad& load, const MoeParameters& parameters,
                const MoeDevice& device);
double moe_time(const MoeQuery& query, const MoeParameters& parameters, const MoeDevice& device);

// No MoE kernel of this device is faster: products of the least loaded case at the data-sheet peak,
// and the weights hit that no L2 holds at the memory's bandwidth.
double moe_least_time(const MoeQuery& query, const MoeDevice& device);

// Parameters for a GPU without a table, from its nearest measured relative.
struct MoeDefaults {
  MoeParameters parameters;
  std::string_view from;
};
MoeDefaults default_moe_parameters(const sim::Gpu& gpu, NumberFormat format);

}  // namespace windtunnel::models
