// Every supported (op, algorithm) on 1 to 33 ranks, run on real vectors and checked for races.
#include <gtest/gtest.h>

#include "collectives/verifier.hpp"
#include "tests/collectives/requests.hpp"

namespace windtunnel::collectives {
namespace {

using testing::Layout;

std::vector<std::int64_t> awkward_elements(std::int32_t n) {
  return {0, 1, 2, n - 1, n, n + 1, 3 * n + 5, 97, 2 * n * 3};
}

void expect_right(const ScheduleRequest& request) {
  if (const auto reason = why_not(request)) {
    ASSERT_EQ(request.algorithm, Algorithm::in_network) << *reason;
    return;  // no switch between these ranks
  }
  const Schedule schedule = make_schedule(request);
  const Verdict verdict = verify(request, schedule);
  ASSERT_TRUE(verdict.correct) << testing::describe(request) << "\n  " << verdict.problem;
  ASSERT_LE(static_cast<std::int64_t>(schedule.messages.size()), 2 * message_bound(request) + 16)
      << testing::describe(request);
}

// Channels, chunks, roots and layouts change from one request to the next, so that all meet.
class Variation {
 public:
  explicit Variation(ScheduleRequest request) : request_(std::move(request)) {}

  ScheduleRequest next(std::int64_t elements) {
    ++count_;
    ScheduleRequest r = request_;
    r.element_bytes = count_ % 5 == 0 ? 1 : 4;
    r.bytes = elements * r.element_bytes;
    r.channels = 1 + count_ % 3;
    r.chunk_bytes = std::vector<std::int64_t>{0, 4, 28}[static_cast<std::size_t>(count_ / 2 % 3)];
    r.root = std::vector<std::int32_t>{0, r.ranks - 1,
                                       r.ranks / 2}[static_cast<std::size_t>(count_ % 3)];
    r.servers = 1 + count_ % 4;
    r.domain = testing::domains(testing::kLayouts[count_ / 3 % 6], r.ranks);
    if (r.algorithm == Algorithm::in_network) {
      if (count_ % 3 != 0) testing::add_domain_switches(r);
      if (count_ % 3 != 1) testing::add_fabric_tree(r, count_ % 2 == 0 ? 3 : 40);
    }
    return r;
  }

 private:
  ScheduleRequest request_;
  int count_ = 0;
};

class Verified : public ::testing::TestWithParam<std::tuple<Op, Algorithm>> {};

TEST_P(Verified, EndsWithTheRightDataOnEveryRankCountAndAwkwardSize) {
  const auto [op, algorithm] = GetParam();
  if (algorithm == Algorithm::automatic || !supports(op, algorithm))
    GTEST_SKIP() << "not supported";
  Variation variation({.op = op, .algorithm = algorithm});
  for (std::int32_t n = 1; n <= 33; ++n) {
    variation = Variation({.op = op, .algorithm = algorithm, .ranks = n});
    for (int repeat = 0; repeat < (n <= 9 ? 6 : 1); ++repeat) {
      for (const std::int64_t elements : awkward_elements(n)) {
        expect_right(variation.next(elements));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(Verified, EndsWithTheRightDataWithPlainOptions) {
  const auto [op, algorithm] = GetParam();
  if (algorithm == Algorithm::automatic || !supports(op, algorithm))
    GTEST_SKIP() << "not supported";
  for (std::int32_t n = 1; n <= 33; ++n) {
    ScheduleRequest request{.op = op,
                            .algorithm = algorithm,
                            .ranks = n,
                            .bytes = 4 * (5 * n + 3),
                            .root = n / 3,
                            .element_bytes = 4};
    if (algorithm == Algorithm::in_network) testing::add_fabric_tree(request, 4);
    expect_right(request);
    if (HasFatalFailure()) return;
  }
}

TEST_P(Verified, EndsWithTheRightDataForEveryRoot) {
  const auto [op, algorithm] = GetParam();
  if (algorithm == Algorithm::automatic || !supports(op, algorithm))
    GTEST_SKIP() << "not supported";
  for (const std::int32_t n : {2, 6, 13}) {
    for (std::int32_t root = 0; root < n; ++root) {
      for (const Layout layout : testing::kLayouts) {
        ScheduleRequest request{.op = op,
                                .algorithm = algorithm,
                                .ranks = n,
                                .bytes = 120,
                                .root = root,
                                .chunk_bytes = 32,
                                .element_bytes = 8,
                                .domain = testing::domains(layout, n)};
        if (algorithm == Algorithm::in_network) {
          testing::add_domain_switches(request);
          testing::add_fabric_tree(request, 3);
        }
        expect_right(request);
        if (HasFatalFailure()) return;
      }
    }
  }
}

std::vector<std::tuple<Op, Algorithm>> supported() {
  std::vector<std::tuple<Op, Algorithm>> pairs;
  for (const Op op : kOps) {
    for (const Algorithm algorithm : kAlgorithms) {
      if (algorithm != Algorithm::automatic && supports(op, algorithm))
        pairs.emplace_back(op, algorithm);
    }
  }
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(All, Verified, ::testing::ValuesIn(supported()), [](const auto& tested) {
  return std::string(to_text(std::get<0>(tested.param))) + "_by_" +
         std::string(to_text(std::get<1>(tested.param)));
});

}  // namespace
}  // namespace windtunnel::collectives
