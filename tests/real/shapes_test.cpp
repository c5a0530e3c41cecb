#include "real/shapes.hpp"

#include <gtest/gtest.h>

namespace windtunnel::real {
namespace {

const std::vector<models::NumberFormat> kBf16 = {models::NumberFormat::bf16};

std::string errors_of(const std::string& text) {
  base::Diagnostics diagnostics;
  parse_shapes(text, "shapes.csv", kBf16, diagnostics);
  return diagnostics.to_text();
}

TEST(Shapes, AFileMayHoldGemmsAndAttention) {
  base::Diagnostics diagnostics;
  const Shapes shapes = parse_shapes(
      "kind,m,n,k,precision,heads,kv_heads,head_dim,q_len,kv_len\n"
      "gemm,17,4096,1024,fp8,,,,,\n"
      "attention,,,,,32,8,128,1,4096\n",
      "shapes.csv", kBf16, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_text();
  ASSERT_EQ(shapes.gemms.size(), 1u);
  EXPECT_EQ(shapes.gemms[0].m, 17);
  EXPECT_EQ(shapes.gemms[0].format, models::NumberFormat::fp8);
  ASSERT_EQ(shapes.attentions.size(), 1u);
  EXPECT_EQ(shapes.attentions[0].phase, models::AttentionPhase::decode);
  EXPECT_EQ(shapes.attentions[0].format, models::NumberFormat::bf16);
}

TEST(Shapes, AMalformedFileIsSaidWithFileLineAndColumn) {
  EXPECT_EQ(errors_of("m,n,k\n1,2,3\n4,x,6\n"),
            "shapes.csv:3:3: error: 'n' is 'x', not a whole number from 1 to 1e9\n");
  EXPECT_EQ(errors_of("m,n,k\n1,2\n"), "shapes.csv:2:1: error: 'k' is blank\n");
  EXPECT_EQ(errors_of("m,n,k,precision\n1,2,3,bf61\n"),
            "shapes.csv:2:7: error: unknown precision 'bf61'; did you mean 'bf16'?\n");
  EXPECT_NE(errors_of("a,b\n1,2\n").find("shapes.csv:1:1: error: neither"), std::string::npos);
  EXPECT_NE(errors_of("").find("shapes.csv:1:1: error: no header"), std::string::npos);
  EXPECT_NE(errors_of("m,n,k\n1,2,3,4\n").find("shapes.csv:2:7: error: this row has 4 fields"),
            std::string::npos);
}

TEST(Shapes, AllErrorsOfAFileComeAtOnce) {
  base::Diagnostics diagnostics;
  parse_shapes("m,n,k\n0,1,1\n1,-1,1\n1,1,1.5\n", "f", kBf16, diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 3);
}

TEST(Shapes, AGridIsTheProductOfItsRanges) {
  base::Diagnostics diagnostics;
  const Shapes shapes = parse_grid("m=16..128,n=64:96,k=100..300+100,batch=2", kBf16, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_text();
  EXPECT_EQ(shapes.gemms.size(), 4u * 2u * 3u);  // m 16 32 64 128, n 64 96, k 100 200 300
  EXPECT_EQ(shapes.gemms.front().batch, 2);
}

TEST(Shapes, AGridThatMakesNoSenseIsSaidWithItsColumn) {
  for (const std::string text : {"m=1", "m=1,n=2,k=", "m=1,n=2,q=3", "m=4..2,n=1,k=1",
                                 "m=1,m=2,n=1,k=1", "m=1..8*1,n=1,k=1", ""}) {
    base::Diagnostics diagnostics;
    parse_grid(text, kBf16, diagnostics);
    EXPECT_TRUE(diagnostics.has_errors()) << text;
  }
}

TEST(Shapes, AModelGivesItsLinearLayers) {
  const auto model = transformer_named("llama3-8b");
  ASSERT_TRUE(model);
  const Shapes shapes = shapes_of(*model, Effort::quick, kBf16);
  // qkv 6144 x 4096, out 4096 x 4096, up and gate 28672 x 4096, down 4096 x 14336, head.
  std::vector<std::pair<std::int64_t, std::int64_t>> layers;
  for (const auto& gemm : shapes.gemms) {
    if (gemm.m == 1) layers.emplace_back(gemm.n, gemm.k);
  }
  EXPECT_EQ(layers, (std::vector<std::pair<std::int64_t, std::int64_t>>{
                        {6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}, {128256, 4096}}));
  EXPECT_FALSE(transformer_named("llama9-8b"));
}

}  // namespace
}  // namespace windtunnel::real
