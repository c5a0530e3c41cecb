// KV transfers share the links of their engines as max-min fairness says.
#include "strategies/serve/engine/transfers.hpp"

#include <gtest/gtest.h>

namespace windtunnel::strategies {
namespace {

std::vector<std::pair<std::int64_t, double>> ends(KvTransfers& transfers) {
  std::vector<std::pair<std::int64_t, double>> out;
  while (const auto next = transfers.next()) {
    for (const std::int64_t request : transfers.finish(*next)) out.emplace_back(request, *next);
  }
  return out;
}

TEST(KvTransfers, OneAloneTakesLatencyAndItsBytes) {
  KvTransfers transfers({100, 100}, 0.5);
  transfers.start(7, 0, 1, 200, 1.0);
  const auto done = ends(transfers);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_DOUBLE_EQ(done[0].second, 3.5);
  EXPECT_DOUBLE_EQ(transfers.slowdown(), 1.0);
}

TEST(KvTransfers, TransfersOfOneSenderShareItsLinks) {
  KvTransfers transfers({100, 100, 100}, 0);
  transfers.start(0, 0, 1, 100, 0);
  transfers.start(1, 0, 2, 200, 0);
  const auto done = ends(transfers);
  EXPECT_DOUBLE_EQ(done[0].second, 2.0);  // both at 50
  EXPECT_DOUBLE_EQ(done[1].second, 3.0);  // its other 100 at 100
}

// Three transfers into engine 3 have 20 each of its 60; sender 0's other one gets the 80 it has left,
// where equal shares of each side would give it 50.
TEST(KvTransfers, WhatOneLinkCannotTakeIsLeftToTheOthers) {
  KvTransfers transfers({100, 100, 100, 60, 100}, 0);
  transfers.start(0, 0, 3, 200, 0);
  transfers.start(1, 1, 3, 200, 0);
  transfers.start(2, 2, 3, 200, 0);
  transfers.start(3, 0, 4, 80, 0);
  const auto done = ends(transfers);
  ASSERT_EQ(done.size(), 4U);
  EXPECT_EQ(done[0].first, 3);
  EXPECT_NEAR(done[0].second, 1.0, 1e-12);
  EXPECT_NEAR(done[3].second, 10.0, 1e-12);
  EXPECT_DOUBLE_EQ(transfers.bytes(), 680);
}

}  // namespace
}  // namespace windtunnel::strategies
