#include "real/kernels/gpu_points.hpp"

#include <algorithm>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using models::AttentionKernel;
using models::AttentionMask;
using models::AttentionPhase;
using models::AttentionQuery;
using models::GemmQuery;
using models::NumberFormat;

using Counts = std::vector<std::int64_t>;
using Weight = std::pair<std::int64_t, std::int64_t>;  // (n outputs, k inputs)

const Counts kTokens = {1,   2,   4,   8,    16,   17,   32,   48,   64,   96,   128,  192,  256,
                        384, 512, 768, 1000, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384};
const Counts kFewTokens = {1, 16, 64, 256, 1024, 4096, 8192};

// Linear layers: GPT-2 small, 1.3B and 13B of GPT-3's widths, Llama 8B whole, Llama 70B split by 8, 4
// and whole, an odd width (head size 108 of a 40-head model), vocabularies, squares.
const std::vector<Weight> kWeights = {
    {2304, 768},   {768, 768},    {3072, 768},  {768, 3072},   {6144, 2048},  {8192, 2048},
    {2048, 8192},  {6144, 4096},  {4096, 4096}, {28672, 4096}, {4096, 14336}, {15360, 5120},
    {5120, 20480}, {1280, 8192},  {8192, 1024}, {7168, 8192},  {8192, 3584},  {10240, 8192},
    {57344, 8192}, {8192, 28672}, {4320, 4320}, {12960, 4320}, {50304, 768},  {128256, 4096},
    {256, 256},    {512, 512},    {1024, 1024}, {1000, 1000},  {2048, 2048},  {8192, 8192},
    {16384, 16384}};
const std::vector<Weight> kFewWeights = {{768, 768},    {3072, 768},  {4096, 4096}, {28672, 4096},
                                         {4096, 14336}, {1280, 8192}, {8192, 8192}, {1000, 1000}};

struct GemmGrid {
  Counts tokens;
  std::vector<Weight> weights;
  NumberFormat format = NumberFormat::bf16;
  GemmLayout layout = GemmLayout::forward;
};

void append(std::vector<GpuGemm>& out, const GemmGrid& grid) {
  for (const auto& [n, k] : grid.weights) {
    for (const std::int64_t m : grid.tokens) {
      GpuGemm gemm{{.m = m, .n = n, .k = k, .format = grid.format}, grid.layout};
      // A gradient of the layer (n, k) on m tokens: dx is [m x k] from n, dW is [n x k] from m.
      if (grid.layout == GemmLayout::input_gradient) std::swap(gemm.query.n, gemm.query.k);
      if (grid.layout == GemmLayout::weight_gradient) {
        gemm.query = {.m = n, .n = k, .k = m, .format = grid.format};
      }
      out.push_back(gemm);
    }
  }
}

// Scores and values of unfused attention: one product a head.
void append_batched(std::vector<GpuGemm>& out, const Counts& lengths) {
  for (const std::int64_t length : lengths) {
    for (const std::int64_t batch : {16, 96}) {
      for (const std::int64_t head_dim : {64, 128}) {
        out.push_back({{.m = length, .n = length, .k = head_dim, .batch = batch}});
        out.push_back({{.m = length, .n = head_dim, .k = length, .batch = batch},
                       GemmLayout::input_gradient});
      }
    }
  }
}

// Formats: asked for, else the ones of every GPU that training uses, the others on a thinner grid.
std::vector<GpuGemm> default_gemms(const Selection& selection) {
  std::vector<GpuGemm> out;
  const bool full = selection.effort == Effort::full;
  const auto wanted = [&](NumberFormat format) {
    const auto& formats = selection.formats;
    return formats.empty() || std::find(formats.begin(), formats.end(), format) != formats.end();
  };
  const auto grid = [&](NumberFormat format, bool dense) {
    if (!wanted(format)) return;
    append(out, {dense && full ? kTokens : kFewTokens, dense && full ? kWeights : kFewWeights,
                 format, GemmLayout::forward});
  };
  grid(NumberFormat::bf16, true);
  if (full) {
    grid(NumberFormat::fp8, true);
    for (const NumberFormat format :
         {NumberFormat::fp16, NumberFormat::tf32, NumberFormat::fp32, NumberFormat::int8}) {
      grid(format, !selection.formats.empty());
    }
    if (wanted(NumberFormat::bf16)) {
      const Counts steps = {1024, 2048, 4096, 8192, 16384};
      append(out, {steps, kFewWeights, NumberFormat::bf16, GemmLayout::input_gradient});
      append(out, {steps, kFewWeights, NumberFormat::bf16, GemmLayout::weight_gradient});
      append_batched(out, {128, 512, 1024, 2048, 4096});
    }
  }
  if (wanted(NumberFormat::bf16)) {
    const GemmQuery large{.m = 8192, .n = 8192, .k = 8192};
    for (const GemmLibrary library : {GemmLibrary::cublaslt_tuned, GemmLibrary::cublas}) {
      out.push_back({large, GemmLayout::forward, library});
    }
  }
  return out;
}

// Heads of a model on one device.
struct Heads {
  std::int64_t heads, kv_heads, head_dim;
};

// All lengths and batches up to `most_tokens` tokens together.
void append_attention(std::vector<AttentionQuery>& out, const AttentionQuery& like,
                      const Counts& lengths, std::int64_t most_tokens) {
  for (const std::int64_t length : lengths) {
    for (const std::int64_t batch : {1, 4, 16}) {
      if (batch * length > most_tokens) continue;
      AttentionQuery query = like;
      query.batch = batch;
      query.q_len = query.kv_len = length;
      out.push_back(query);
    }
  }
}

std::vector<AttentionQuery> default_attentions(const Selection& selection) {
  const bool full = selection.effort == Effort::full;
  const std::vector<Heads> heads =
      full ? std::vector<Heads>{{32, 32, 64}, {12, 12, 64}, {32, 32, 80},  {16, 16, 96},
                                {32, 8, 128}, {64, 8, 128}, {40, 40, 128}, {8, 1, 128}}
           : std::vector<Heads>{{16, 16, 64}, {32, 8, 128}};
  const Counts lengths =
      full ? Counts{128, 256, 512, 777, 1024, 2048, 4096, 8192, 16384} : Counts{512, 2048, 8192};
  std::vector<AttentionQuery> out;
  for (const Heads& model : heads) {
    AttentionQuery like{
        .heads = model.heads,
        .kv_heads = model.kv_heads,
        .head_dim = model.head_dim,
        .format = selection.formats.empty() ? NumberFormat::bf16 : selection.formats.front()};
    like.kv_format = like.format;
    for (const AttentionPhase phase : {AttentionPhase::context, AttentionPhase::backward}) {
      like.phase = phase;
      like.mask = AttentionMask::causal;
      append_attention(out, like, lengths, 32768);
      like.mask = AttentionMask::full;
      append_attention(out, like, full ? Counts{512, 2048, 4096} : Counts{2048}, 16384);
    }
    // Chunked prefill: new tokens against a longer past.
    like.phase = AttentionPhase::context;
    like.mask = AttentionMask::causal;
    like.q_len = 512;
    for (const std::int64_t kv_len : {2048, 8192}) {
      like.kv_len = kv_len;
      if (full) out.push_back(like);
    }
    like.kernel = AttentionKernel::unfused;
    append_attention(out, like, full ? Counts{128, 512, 1024, 2048, 4096} : Counts{1024}, 8192);
  }
  return out;
}

}  // namespace

std::string_view to_text(GemmLibrary library) {
  switch (library) {
    case GemmLibrary::cublaslt:
      return "cublaslt";
    case GemmLibrary::cublaslt_tuned:
      return "cublaslt tuned";
    case GemmLibrary::cublas:
      return "cublas";
  }
  return "";
}

std::vector<GpuGemm> gpu_gemms(const Selection& selection) {
  if (selection.default_shapes()) return default_gemms(selection);
  std::vector<GpuGemm> out;
  for (const GemmQuery& query : selection.gemms) out.push_back({query});
  return out;
}

std::vector<AttentionQuery> gpu_attentions(const Selection& selection) {
  return selection.default_shapes() ? default_attentions(selection) : selection.attentions;
}

std::vector<std::int64_t> copy_sizes(const Selection& selection) {
  Counts sizes;
  const std::int64_t factor = selection.effort == Effort::full ? 2 : 16;
  const std::int64_t most = selection.effort == Effort::full ? 1LL << 30 : 1LL << 28;
  for (std::int64_t size = 1 << 10; size <= most; size *= factor) sizes.push_back(size);
  return sizes;
}

}  // namespace windtunnel::real
