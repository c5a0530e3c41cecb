// Activations, dropout, casts, copies, random data, embedding, rotary and Adam as the GPU would run
// them, held against double precision.
#include <gtest/gtest.h>

#include <set>

#include "real/kernels/gather.cuh"
#include "tests/real/kernel_data.hpp"
#include "tests/real/simt_emulator.hpp"

namespace windtunnel::real {
namespace {

const EmulatedGrid kGrid{.x = 3, .threads = 64, .shared_bytes = 128};
// Whole packs; a ragged end; more than one turn of the grid.
const std::vector<std::int64_t> kCounts = {8, 37, 2000, 5003};

template <class F>
reference::Values mapped(const reference::Values& values, F f) {
  reference::Values out;
  for (const double value : values) out.push_back(f(value));
  return out;
}
template <class F>
reference::Values combined(const reference::Values& a, const reference::Values& b, F f) {
  reference::Values out;
  for (std::size_t i = 0; i < a.size(); ++i) out.push_back(f(a[i], b[i]));
  return out;
}

template <class T>
class EmulatedPointwise : public testing::Test {};
using Formats = testing::Types<float, Fp16, Bf16>;
TYPED_TEST_SUITE(EmulatedPointwise, Formats);

TYPED_TEST(EmulatedPointwise, GeluAndItsSlopeAreTheFormula) {
  using T = TypeParam;
  for (const std::int64_t count : kCounts) {
    auto x = random_values<T>(count, "x", {-6.0, 6.0}), dy = random_values<T>(count, "dy");
    Stored<T> y(count), dx(count);
    emulate(kGrid, [&](std::byte*) {
      gelu_body<T>({.x = x.data(), .y = y.data(), .count = count});
      gelu_backward_body<T>({.dy = dy.data(), .x = x.data(), .dx = dx.data(), .count = count});
    });
    expect_close(y.values(), mapped(x.values(), reference::gelu), rounding<T>(), "y");
    const auto slope = mapped(x.values(), reference::gelu_slope);
    expect_close(dx.values(), combined(dy.values(), slope, std::multiplies<>()), rounding<T>(),
                 "dx");
  }
}

TYPED_TEST(EmulatedPointwise, SwiGluAndItsGradientAreTheFormula) {
  using T = TypeParam;
  const std::int64_t rows = 5, columns = 72;
  auto x = random_values<T>(rows * 2 * columns, "x", {-5.0, 5.0});
  auto dy = random_values<T>(rows * columns, "dy");
  Stored<T> y(rows * columns), dx(rows * 2 * columns);
  emulate(kGrid, [&](std::byte*) {
    swiglu_body<T>({.x = x.data(), .y = y.data(), .rows = rows, .columns = columns});
    swiglu_backward_body<T>(
        {.dy = dy.data(), .x = x.data(), .dx = dx.data(), .rows = rows, .columns = columns});
  });
  const auto in = x.matrix(rows, 2 * columns), gradient = dy.matrix(rows, columns);
  reference::Matrix out = reference::zeros(rows, columns),
                    d_in = reference::zeros(rows, 2 * columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const double gate = in.at(r, c), up = in.at(r, columns + c), g = gradient.at(r, c);
      out.values[static_cast<std::size_t>(r * columns + c)] = reference::silu(gate) * up;
      const auto at = static_cast<std::size_t>(r * 2 * columns + c);
      d_in.values[at] = g * up * reference::silu_slope(gate);
      d_in.values[at + static_cast<std::size_t>(columns)] = g * reference::silu(gate);
    }
  }
  expect_close(y.values(), out.values, rounding<T>(), "y");
  expect_close(dx.values(), d_in.values, rounding<T>(), "dx");
}

TYPED_TEST(EmulatedPointwise, DropoutKeepsItsShareAndBackwardDrawsTheSameMask) {
  using T = TypeParam;
  const std::int64_t count = 20003;
  auto x = random_values<T>(count, "x", {1.0, 2.0}), residual = random_values<T>(count, "residual");
  Stored<T> y(count), dx(count);
  emulate(kGrid, [&](std::byte*) {
    residual_dropout_body<T>({.x = x.data(),
                              .residual = residual.data(),
                              .y = y.data(),
                              .count = count,
                              .probability = 0.2F,
                              .seed = 11});
    dropout_backward_body<T>(
        {.dy = x.data(), .dx = dx.data(), .count = count, .probability = 0.2F, .seed = 11});
  });
  const auto in = x.values(), out = y.values(), base = residual.values(), back = dx.values();
  std::int64_t dropped = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool drop = back[i] == 0.0;
    dropped += drop ? 1 : 0;
    ASSERT_NEAR(back[i], drop ? 0.0 : in[i] * 1.25, 4 * rounding<T>()) << i;
    ASSERT_NEAR(out[i], base[i] + back[i], 8 * rounding<T>()) << i;
  }
  // Six standard deviations of a share of 0.2 among 20,003.
  EXPECT_NEAR(static_cast<double>(dropped) / static_cast<double>(count), 0.2, 0.017);
}

TYPED_TEST(EmulatedPointwise, AddCastAndCopyMoveEveryElementOnce) {
  using T = TypeParam;
  for (const std::int64_t count : kCounts) {
    auto a = random_values<T>(count, "a"), b = random_values<T>(count, "b");
    Stored<T> sum(count), copied(count);
    Stored<float> wide(count);
    const auto size = static_cast<std::int64_t>(sizeof(T)) * count;
    emulate(kGrid, [&](std::byte*) {
      add_body<T>({.a = a.data(), .b = b.data(), .y = sum.data(), .count = count});
      cast_body<T, float>({.in = a.data(), .out = wide.data(), .count = count});
      copy_body({.in = b.data(), .out = copied.data(), .bytes = size});
    });
    expect_close(sum.values(), combined(a.values(), b.values(), std::plus<>()), rounding<T>(),
                 "a + b");
    EXPECT_EQ(wide.values(), a.values());
    EXPECT_EQ(copied.values(), b.values());
  }
}

// Addresses that are no multiple of 16 bytes take the element-wise path.
TYPED_TEST(EmulatedPointwise, AnUnalignedTensorGivesTheSameResult) {
  using T = TypeParam;
  const std::int64_t count = 501;
  auto x = random_values<T>(count, "x", {-3.0, 3.0}, 3);
  Stored<T> y(count, 5);
  emulate(kGrid, [&](std::byte*) { gelu_body<T>({.x = x.data(), .y = y.data(), .count = count}); });
  expect_close(y.values(), mapped(x.values(), reference::gelu), rounding<T>(), "y");
}

TYPED_TEST(EmulatedPointwise, RandomFillIsUniformAndDependsOnSeedAndIndexAlone) {
  using T = TypeParam;
  const std::int64_t count = 20000;
  Stored<T> one(count), two(count);
  emulate(kGrid, [&](std::byte*) {
    fill_random_body<T>({.out = one.data(), .count = count, .low = -1.0F, .high = 3.0F, .seed = 5});
  });
  EmulatedGrid other = kGrid;
  other.x = 1;
  emulate(other, [&](std::byte*) {
    fill_random_body<T>({.out = two.data(), .count = count, .low = -1.0F, .high = 3.0F, .seed = 5});
  });
  const auto values = one.values();
  EXPECT_EQ(values, two.values());
  double mean = 0.0, square = 0.0;
  for (const double value : values) {
    ASSERT_GE(value, -1.0);
    ASSERT_LE(value, 3.0);
    mean += value / static_cast<double>(count);
    square += (value - 1.0) * (value - 1.0) / static_cast<double>(count);
  }
  // Uniform on a range of 4: mean 1 (sigma of the mean 0.0082), variance 4 / 3.
  EXPECT_NEAR(mean, 1.0, 0.05);
  EXPECT_NEAR(square, 4.0 / 3.0, 0.05);
}

TYPED_TEST(EmulatedPointwise, EmbeddingGathersRowsAndItsBackwardAddsThemUp) {
  using T = TypeParam;
  const std::int64_t rows = 50, columns = 24, vocabulary = 7, sequence = 10;
  auto tokens = random_tokens(rows, vocabulary);
  auto table = random_values<T>(vocabulary * columns, "table");
  auto positions = random_values<T>(sequence * columns, "positions");
  auto dy = random_values<T>(rows * columns, "dy");
  Stored<T> y(rows * columns);
  std::vector<float> dtable(static_cast<std::size_t>(vocabulary * columns)),
      dpositions(static_cast<std::size_t>(sequence * columns));
  emulate(kGrid, [&](std::byte*) {
    embedding_body<T>({.tokens = tokens.data(),
                       .table = table.data(),
                       .positions = positions.data(),
                       .y = y.data(),
                       .rows = rows,
                       .columns = columns,
                       .vocabulary = vocabulary,
                       .sequence = sequence});
    embedding_backward_body<T>({.tokens = tokens.data(),
                                .dy = dy.data(),
                                .dtable = dtable.data(),
                                .dpositions = dpositions.data(),
                                .rows = rows,
                                .columns = columns,
                                .vocabulary = vocabulary,
                                .sequence = sequence});
  });
  const auto entries = table.values(), places = positions.values(), gradient = dy.values();
  reference::Values out, d_table(dtable.size()), d_positions(dpositions.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto entry =
          static_cast<std::size_t>(tokens[static_cast<std::size_t>(r)] * columns + c);
      const auto place = static_cast<std::size_t>(r % sequence * columns + c);
      out.push_back(entries[entry] + places[place]);
      d_table[entry] += gradient[static_cast<std::size_t>(r * columns + c)];
      d_positions[place] += gradient[static_cast<std::size_t>(r * columns + c)];
    }
  }
  expect_close(y.values(), out, rounding<T>(), "y");
  expect_close({dtable.begin(), dtable.end()}, d_table, 1e-5, "dtable");
  expect_close({dpositions.begin(), dpositions.end()}, d_positions, 1e-5, "dpositions");
}

TYPED_TEST(EmulatedPointwise, RotaryTurnsAsTheFormulaAndItsInverseTurnsBack) {
  using T = TypeParam;
  Rotary args{.rows = 20, .sequence = 9, .heads = 3, .head_dim = 32};
  auto x = random_values<T>(args.rows * args.heads * args.head_dim, "x");
  const auto before = x.values();
  reference::Matrix expected = x.matrix(args.rows, args.heads * args.head_dim);
  reference::rotary(expected, args);
  args.x = x.data();
  emulate(kGrid, [&](std::byte*) { rotary_body<T>(args); });
  expect_close(x.values(), expected.values, rounding<T>(), "turned");
  args.rotation = Rotation::inverse;
  emulate(kGrid, [&](std::byte*) { rotary_body<T>(args); });
  expect_close(x.values(), before, 3 * rounding<T>(), "turned back");
}

TYPED_TEST(EmulatedPointwise, AdamIsTheAlgorithmOverSeveralSteps) {
  using T = TypeParam;
  const std::int64_t count = 300;
  auto master = random_values<float>(count, "master");
  Stored<float> m(count), v(count);
  Stored<T> weights(count);
  for (std::int64_t i = 0; i < count; ++i) m.data()[i] = v.data()[i] = 0.0F;
  auto w = master.values();
  reference::Values m1(w.size()), m2(w.size());
  for (const int step : {1, 2, 3}) {
    auto gradient = random_values<T>(count, "gradient" + std::to_string(step));
    AdamStep args{.master = master.data(),
                  .moment1 = m.data(),
                  .moment2 = v.data(),
                  .gradient = gradient.data(),
                  .weights = weights.data(),
                  .count = count,
                  .learning_rate = 0.01F,
                  .gradient_scale = 0.5F,
                  .step = step};
    const AdamCorrections corrections{
        1.0F / (1.0F - std::pow(args.beta1, static_cast<float>(step))),
        1.0F / (1.0F - std::pow(args.beta2, static_cast<float>(step)))};
    emulate(kGrid, [&](std::byte*) { adam_body<T, T>(args, corrections); });
    const auto g = gradient.values();
    for (std::size_t i = 0; i < w.size(); ++i) {
      m1[i] = 0.9 * m1[i] + 0.1 * 0.5 * g[i];
      m2[i] = 0.95 * m2[i] + 0.05 * 0.25 * g[i] * g[i];
      const double mean = m1[i] / (1.0 - std::pow(0.9, step));
      const double square = m2[i] / (1.0 - std::pow(0.95, step));
      w[i] -= 0.01 * (mean / (std::sqrt(square) + 1e-8) + 0.1 * w[i]);
    }
  }
  expect_close(master.values(), w, 2e-5, "master weights");
  expect_close(weights.values(), w, rounding<T>(), "weights");
}

TEST(EmulatedSum, AddsEveryElementOnce) {
  const std::int64_t count = 3001;
  auto in = random_values<float>(count, "in");
  float out = NAN;
  emulate({.threads = 128, .shared_bytes = kRowScratchFloats * 4}, [&](std::byte* shared) {
    sum_body({.in = in.data(), .out = &out, .count = count}, reinterpret_cast<float*>(shared));
  });
  double expected = 0.0;
  for (const double value : in.values()) expected += value;
  EXPECT_NEAR(static_cast<double>(out), expected, 1e-3);
}

TEST(EmulatedRandom, BitsObeyTheirMaskAndTokensTheirLimit) {
  std::vector<unsigned char> bits(1003);
  std::vector<std::int32_t> tokens(1000);
  emulate(kGrid, [&](std::byte*) {
    fill_random_bits_body({.out = bits.data(), .bytes = 1003, .mask = 0xbf});
    fill_random_tokens_body({.out = tokens.data(), .count = 1000, .limit = 17});
  });
  for (const unsigned char byte : bits) EXPECT_EQ(byte & 0x40, 0);
  EXPECT_GT(std::set<unsigned char>(bits.begin(), bits.end()).size(), 100u);
  const std::set<std::int32_t> seen(tokens.begin(), tokens.end());
  EXPECT_EQ(seen.size(), 17u);
  EXPECT_EQ(*seen.begin(), 0);
  EXPECT_EQ(*seen.rbegin(), 16);
}

// Salmon et al. 2011, the Random123 distribution's known answers for philox4x32-10: counter and key 0.
TEST(EmulatedRandom, PhiloxGivesItsKnownAnswer) {
  Words out{};
  emulate({.threads = 32}, [&](std::byte*) { out = philox(0, 0); });
  EXPECT_EQ(out.w[0], 0x6627e8d5U);
  EXPECT_EQ(out.w[1], 0xe169c58dU);
  EXPECT_EQ(out.w[2], 0xbc57ac4cU);
  EXPECT_EQ(out.w[3], 0x9b00dbd8U);
}

}  // namespace
}  // namespace windtunnel::real
