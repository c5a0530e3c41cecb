// Which generation of fused attention kernels a software stack runs, and the share of a GPU's dense
// 16-bit peak that it reaches at most.
//
// Kernel profiles hold today's kernels; a stack of 2023 ran slower ones on the same GPU. A kernel
// takes at least FLOPs / (share x peak), masked FLOPs not counted. Shares are those of long
// sequences and head size 128, from the papers' own benchmarks: FlashAttention-1 on Ampere 0.25-0.40
// and FlashAttention-2 there 0.5-0.73 (arXiv 2307.08691, sections 1 and 4); FlashAttention-2 on
// Hopper about 0.35 at best (arXiv 2407.08608, section 1), causal 0.25-0.35. Nothing bounds the
// current generation. Within those ranges, and for FlashAttention-1 on Hopper (no published figure
// was at hand), the values were chosen on the Mosaic and torchtitan iterations.
#pragma once

#include <string_view>

namespace windtunnel::strategies {

enum class AttentionGeneration { flash_1, flash_2, current };
enum class AttentionDirection { forward, backward };

// In (0, 1]; 1 where nothing bounds it.
double attention_ceiling(AttentionGeneration generation, AttentionDirection direction,
                         std::string_view architecture);

}  // namespace windtunnel::strategies
