// Shapes of the kernels that ops become, and what the ranks of a layout send each other.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/networks/counts.hpp"
#include "models/networks/exchanges.hpp"
#include "models/networks/library.hpp"

namespace windtunnel::models {
namespace {

Network network_of(const std::string& name) {
  return build_network(*model_by_name(name));
}

const Op& op_of(const Block& block, const std::string& name) {
  const auto found = std::find_if(block.ops.begin(), block.ops.end(),
                                  [&](const Op& op) { return op.name == name; });
  EXPECT_NE(found, block.ops.end()) << name;
  return *found;
}

Kernels lowered(const Block& block, const std::string& op, const BatchShape& batch,
                const LoweringOptions& options, Pass pass = Pass::forward) {
  Kernels out;
  lower(op_of(block, op), batch, options, pass, out);
  return out;
}

GemmQuery gemm(const Kernel& kernel) {
  EXPECT_TRUE(std::holds_alternative<GemmQuery>(kernel.query));
  return std::get<GemmQuery>(kernel.query);
}

void expect_shape(const GemmQuery& query, std::int64_t m, std::int64_t n, std::int64_t k) {
  EXPECT_EQ(query.m, m);
  EXPECT_EQ(query.n, n);
  EXPECT_EQ(query.k, k);
}

TEST(Lowering, OfAColumnSplitLayerIsAGemmForEachPass) {
  const Network network = network_of("llama3-70b");
  const BatchShape batch{.sequences = 2, .query_tokens = 4096};
  LoweringOptions options;
  options.layout.tensor = 4;
  const Block& layer = network.at(1);
  // gate and up: 2 x 28672 outputs
  expect_shape(gemm(lowered(layer, "mlp.up", batch, options)[0]), 8192, 14336, 8192);
  expect_shape(gemm(lowered(layer, "mlp.up", batch, options, Pass::input_gradient)[0]), 8192, 8192,
               14336);
  expect_shape(gemm(lowered(layer, "mlp.up", batch, options, Pass::weight_gradient)[0]), 14336,
               8192, 8192);
  expect_shape(gemm(lowered(layer, "mlp.down", batch, options)[0]), 8192, 8192, 7168);
  // 16 heads of queries, 2 of keys, 2 of values
  expect_shape(gemm(lowered(layer, "attention.qkv", batch, options)[0]), 8192, 20 * 128, 8192);
}

TEST(Lowering, WithoutFusedProjectionsRunsEachMatrixApart) {
  const Network network = network_of("llama3-70b");
  LoweringOptions options;
  options.software.projections = Form::unfused;
  const BatchShape batch{.query_tokens = 1024};
  const Kernels qkv = lowered(network.at(1), "attention.qkv", batch, options);
  ASSERT_EQ(qkv.size(), 3U);
  expect_shape(gemm(qkv[0]), 1024, 8192, 8192);
  expect_shape(gemm(qkv[1]), 1024, 1024, 8192);
  EXPECT_EQ(lowered(network.at(1), "mlp.up", batch, options).size(), 2U);
}

TEST(Lowering, OfUnfusedAttentionIsGemmSoftmaxDropoutGemm) {
  const Network network = network_of("megatron-22b");  // 64 heads of 96, dropout
  LoweringOptions options;
  options.software.attention = AttentionKernel::unfused;
  options.layout.tensor = 8;
  const BatchShape batch{.sequences = 4, .query_tokens = 2048};
  const Kernels chain = lowered(network.at(1), "attention.core", batch, options);
  ASSERT_EQ(chain.size(), 5U);
  expect_shape(gemm(chain[0]), 2048, 2048, 96);
  EXPECT_EQ(gemm(chain[0]).batch, 32);
  const auto softmax = std::get<MemoryQuery>(chain[1].query);
  EXPECT_EQ(softmax.op, MemoryOp::softmax);
  // It reads the half below the diagonal and writes the square.
  EXPECT_DOUBLE_EQ(softmax.bytes.value(), 1.5 * 2 * 32 * 2048 * 2048);
  EXPECT_DOUBLE_EQ(std::get<MemoryQuery>(chain[2].query).bytes.value(), 5.0 * 32 * 2048 * 2048);
  expect_shape(gemm(chain[3]), 2048, 96, 2048);
  const Kernels back =
      lowered(network.at(1), "attention.core", batch, options, Pass::input_gradient);
  EXPECT_EQ(std::count_if(back.begin(), back.end(),
                          [](const Kernel& kernel) {
                            return std::holds_alternative<GemmQuery>(kernel.query);
                          }),
            4);
}

TEST(Lowering, OfUnfusedAttentionTakesTheFusedSoftmaxOnlyForShapesThatItsKernelHas) {
  const Network network = network_of("megatron-22b");  // 64 heads
  LoweringOptions options;
  options.software.attention = AttentionKernel::unfused;
  options.software.softmax_group = 4;  // matrices a block
  options.software.softmax_keys = 2048;
  const auto softmax_kernels = [&](std::int64_t tensor, std::int64_t sequences, std::int64_t keys) {
    options.layout.tensor = tensor;
    const Kernels chain = lowered(network.at(1), "attention.core",
                                  {.sequences = sequences, .query_tokens = keys}, options);
    return chain[1].count;
  };
  EXPECT_EQ(softmax_kernels(16, 1, 2048), 1);  // 4 heads
  EXPECT_GT(softmax_kernels(32, 1, 2048), 1) << "2 matrices";
  EXPECT_EQ(softmax_kernels(32, 2, 2048), 1) << "2 heads of 2 sequences";
  EXPECT_GT(softmax_kernels(16, 1, 4096), 1) << "more keys than it takes";
  options.formats = formats_of(NumberFormat::fp32);
  EXPECT_GT(softmax_kernels(16, 1, 2048), 1) << "32-bit elements";
}

TEST(Lowering, OfALossStepByStepIsElementWiseKernels) {
  const Network network = network_of("megatron-22b");
  LoweringOptions options;
  const auto kernel = [&] {
    return std::get<MemoryQuery>(
        lowered(network.blocks.back(), "head.cross_entropy", {.query_tokens = 64}, options)
            .front()
            .query);
  };
  EXPECT_EQ(kernel().op, MemoryOp::cross_entropy);
  options.software.loss = LossKernels::elementwise;
  EXPECT_EQ(kernel().op, MemoryOp::cross_entropy) << "fused: one kernel along rows";
  options.software.cross_entropy = Form::unfused;
  EXPECT_EQ(kernel().op, MemoryOp::cast);
}

TEST(Lowering, OfDecodeReadsTheCacheOnceAToken) {
  const Network network = network_of("llama3.1-8b");
  const LoweringOptions options{.mode = Mode::decode};
  const BatchShape batch{.sequences = 64, .query_tokens = 1, .kv_tokens = 1000};
  const Kernels kernels = lowered(network.at(1), "attention.core", batch, options);
  ASSERT_EQ(kernels.size(), 2U);  // write the new key and value, attend
  EXPECT_EQ(std::get<MemoryQuery>(kernels[0].query).op, MemoryOp::kv_write);
  const auto query = std::get<AttentionQuery>(kernels[1].query);
  EXPECT_EQ(query.phase, AttentionPhase::decode);
  EXPECT_EQ(query.kv_len, 1000);
  EXPECT_EQ(query.kv_heads, 8);
  // the head runs on the last token of each sequence
  expect_shape(gemm(lowered(network.blocks.back(), "head.logits", batch, options)[0]), 64, 128256,
               4096);
}

TEST(Lowering, OfLatentDecodeRunsOnTheLatent) {
  const Network network = network_of("deepseek-v3");
  LoweringOptions options{.mode = Mode::decode};
  options.layout.tensor = 8;
  const BatchShape batch{.sequences = 32, .query_tokens = 1, .kv_tokens = 4096};
  const Kernels kernels = lowered(network.at(1), "attention.core", batch, options);
  ASSERT_EQ(kernels.size(), 4U);
  expect_shape(gemm(kernels[1]), 32, 512, 128);
  EXPECT_EQ(gemm(kernels[1]).batch, 16);
  const auto query = std::get<AttentionQuery>(kernels[2].query);
  EXPECT_EQ(query.head_dim, 576);
  EXPECT_EQ(query.value_dim, 512);
  EXPECT_EQ(query.kv_heads, 1);
  EXPECT_EQ(query.heads, 16);
  EXPECT_TRUE(lowered(network.at(1), "attention.kv_up", batch, options).empty());
}

TEST(Lowering, OfExpertsInServingIsOneMoeQuery) {
  const Network network = network_of("qwen3-30b-a3b");
  LoweringOptions options{.mode = Mode::decode};
  options.layout = {.tensor = 2, .expert = 2};  // experts over the tensor ranks, same tokens
  const BatchShape batch{.sequences = 100, .query_tokens = 1, .kv_tokens = 500};
  const auto query =
      std::get<MoeQuery>(lowered(network.at(1), "moe.experts", batch, options)[0].query);
  EXPECT_EQ(query.tokens, 100);
  EXPECT_EQ(query.experts, 128);
  EXPECT_EQ(query.expert_ranks, 2);
  options.layout = {.tensor = 1, .expert = 8};  // over data ranks, each with tokens of its own
  EXPECT_EQ(
      std::get<MoeQuery>(lowered(network.at(1), "moe.experts", batch, options)[0].query).tokens,
      800);
}

TEST(Lowering, OfAScanInDecodeReadsAndWritesItsStateWhateverTheLength) {
  const Network network = network_of("nemotron-h-8b");
  const auto layer = std::find_if(network.blocks.begin(), network.blocks.end(),
                                  [](const Block& block) { return block.name == "scan layer"; });
  ASSERT_NE(layer, network.blocks.end());
  const LoweringOptions options{.mode = Mode::decode, .layout = {.tensor = 2}};
  for (const std::int64_t keys : {100, 10'000}) {
    const Kernels kernels = lowered(
        *layer, "scan.core", {.sequences = 3, .query_tokens = 1, .kv_tokens = keys}, options);
    ASSERT_EQ(kernels.size(), 1u);
    // 64 of the 128 heads, 64 x 128 each in FP32, read and written, three sequences
    EXPECT_DOUBLE_EQ(std::get<MemoryQuery>(kernels[0].query).bytes.value(),
                     64.0 * 64 * 128 * 4 * 2 * 3);
  }
  EXPECT_EQ(kv_cache_bytes(*layer, 1000, {}, NumberFormat::bf16).value(), 0.0);
}

TEST(Lowering, OfAScanOverAPromptDoesTheCountedFlops) {
  for (const char* name : {"nemotron-h-8b", "qwen3-next-80b-a3b"}) {
    for (const Block& block : network_of(name).blocks) {
      for (const Op& op : block.ops) {
        if (!std::holds_alternative<ScanWork>(op.work)) continue;
        const BatchShape batch{.sequences = 1, .query_tokens = 4096};
        Kernels kernels;
        lower(op, batch, {.mode = Mode::prefill}, Pass::forward, kernels);
        EXPECT_NEAR(flops(kernels).value() / forward_flops(op, batch).value(), 1.0, 1e-12) << name;
      }
    }
  }
}

TEST(Lowering, OfTrainedExpertsIsAGroupedGemm) {
  const Network network = network_of("mixtral-8x7b");
  LoweringOptions options;
  options.layout.expert = 4;
  const BatchShape batch{.query_tokens = 4096};
  const Kernels kernels = lowered(network.at(1), "moe.experts", batch, options);
  const GemmQuery up = gemm(kernels[0]);
  EXPECT_EQ(up.groups, 2);
  expect_shape(up, 4096, 2 * 14336, 4096);  // 4 x 4096 tokens, twice, to 8 experts
}

TEST(Lowering, OfEightBitProductsHasCasts) {
  const Network network = network_of("llama3-8b");
  LoweringOptions options;
  options.formats = formats_of(NumberFormat::fp8);
  const BatchShape batch{.query_tokens = 4096};
  const auto casts = [&](const char* op, Pass pass) {
    const Kernels kernels = lowered(network.at(1), op, batch, options, pass);
    return std::count_if(kernels.begin(), kernels.end(), [](const Kernel& kernel) {
      const auto* memory = std::get_if<MemoryQuery>(&kernel.query);
      return memory != nullptr && memory->op == MemoryOp::cast;
    });
  };
  EXPECT_EQ(casts("mlp.up", Pass::forward), 0);  // in the norm before it
  EXPECT_EQ(casts("attention.output", Pass::forward), 1);
  EXPECT_EQ(casts("mlp.up", Pass::input_gradient), 1);
  EXPECT_EQ(casts("mlp.up", Pass::step), 1);
  const Kernels head = lowered(network.blocks.back(), "head.logits", batch, options);
  EXPECT_EQ(gemm(head[0]).format, NumberFormat::bf16);
}

TEST(Lowering, OfAnUnfusedNormMovesMoreInMoreKernels) {
  const Network network = network_of("llama3-8b");
  LoweringOptions eager;
  eager.software.norm = Form::unfused;
  const BatchShape batch{.query_tokens = 4096};
  const Kernels fused = lowered(network.at(1), "mlp.norm", batch, {});
  const Kernels chain = lowered(network.at(1), "mlp.norm", batch, eager);
  EXPECT_GT(chain[0].count, fused[0].count);
  EXPECT_GT(bytes(chain), bytes(fused));
}

std::vector<Exchange> exchanged(const Network& network, const LoweringOptions& options, Pass pass) {
  return exchanges(network.at(1), {.sequences = 2, .query_tokens = 2048}, options, pass);
}

double bytes_of(const std::vector<Exchange>& all, ExchangeKind kind) {
  double sum = 0;
  for (const Exchange& one : all) {
    if (one.kind == kind) sum += one.bytes.value() * static_cast<double>(one.count);
  }
  return sum;
}

// Two all-reduces of b s h forward and two backward (Shoeybi et al. 2019, section 3).
TEST(Exchanges, OfATensorParallelLayerAreTwoAllReducesAPass) {
  const Network network = network_of("gpt3-175b");
  LoweringOptions options;
  options.layout.tensor = 8;
  const double activation = 2.0 * 2 * 2048 * 12288;
  for (const Pass pass : {Pass::forward, Pass::input_gradient}) {
    const auto all = exchanged(network, options, pass);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_DOUBLE_EQ(bytes_of(all, ExchangeKind::all_reduce), 2 * activation);
  }
  EXPECT_TRUE(exchanged(network, options, Pass::weight_gradient).empty());
}

// Sequence parallelism sends as much, as all-gather and reduce-scatter, and gathers again for the
// weights' gradients (Korthikanti et al. 2022, section 4.2.2).
TEST(Exchanges, UnderSequenceParallelismAreGathersAndScatters) {
  const Network network = network_of("gpt3-175b");
  LoweringOptions options;
  options.layout = {.tensor = 8, .sequence = SequenceParallel::on};
  const double activation = 2.0 * 2 * 2048 * 12288;
  for (const Pass pass : {Pass::forward, Pass::input_gradient}) {
    const auto all = exchanged(network, options, pass);
    EXPECT_DOUBLE_EQ(bytes_of(all, ExchangeKind::all_gather), 2 * activation);
    EXPECT_DOUBLE_EQ(bytes_of(all, ExchangeKind::reduce_scatter), 2 * activation);
    EXPECT_DOUBLE_EQ(bytes_of(all, ExchangeKind::all_reduce), 0.0);
  }
  const auto weights = exchanged(network, options, Pass::weight_gradient);
  EXPECT_DOUBLE_EQ(bytes_of(weights, ExchangeKind::all_gather), 2 * activation);
}

TEST(Exchanges, OfAParallelBlockAreOneAllReduceAPass) {
  const Network network = network_of("gptj-6b");
  LoweringOptions options;
  options.layout.tensor = 2;
  EXPECT_EQ(exchanged(network, options, Pass::forward).size(), 1U);
  EXPECT_EQ(exchanged(network, options, Pass::input_gradient).size(), 1U);
}

TEST(Exchanges, OfExpertsAreAllToAllThereAndBack) {
  const Network network = network_of("mixtral-8x7b");
  LoweringOptions options;
  options.layout.expert = 8;
  const auto all = exchanged(network, options, Pass::forward);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].kind, ExchangeKind::all_to_all);
  EXPECT_EQ(all[0].count, 2);
  EXPECT_DOUBLE_EQ(all[0].bytes.value(), 2.0 * 2 * 2 * 2048 * 4096);
}

TEST(Exchanges, OfRingAttentionAreKeysAndValuesOnEveryStep) {
  const Network network = network_of("llama3-70b");
  LoweringOptions options;
  options.layout.context = 4;
  const auto all = exchanged(network, options, Pass::forward);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].kind, ExchangeKind::ring);
  EXPECT_EQ(all[0].count, 3);
  EXPECT_DOUBLE_EQ(all[0].bytes.value(), 2.0 * 2 * 512 * 2 * 8 * 128);
}

TEST(Exchanges, AreNoneOnOneRank) {
  for (const char* name : {"llama3-70b", "deepseek-v3", "bert-large"}) {
    const Network network = network_of(name);
    for (const Pass pass : {Pass::forward, Pass::input_gradient, Pass::weight_gradient}) {
      EXPECT_TRUE(exchanged(network, {}, pass).empty()) << name;
    }
  }
}

}  // namespace
}  // namespace windtunnel::models
