#include "sim/engine/event_heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "sim/base/random.hpp"

namespace windtunnel::sim {
namespace {

TEST(EventHeap, GivesEventsBackInOrderOfTimeThenOfInsertion) {
  base::RandomStream random(7, "event heap");
  EventHeap heap;
  std::vector<std::pair<double, int>> expected;
  std::vector<std::pair<double, int>> seen;
  for (int i = 0; i < 5000; ++i) {
    const auto time = static_cast<double>(random.below(50));  // many ties
    expected.emplace_back(time, i);
    heap.push(time, [&seen, time, i] { seen.emplace_back(time, i); });
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  while (!heap.empty()) {
    const double time = heap.next_time();
    heap.pop()();
    EXPECT_EQ(seen.back().first, time);
  }
  EXPECT_EQ(seen, expected);
}

TEST(EventHeap, StaysInOrderWhilePushesAndPopsAlternate) {
  base::RandomStream random(8, "event heap");
  EventHeap heap;
  double last = 0.0;
  int popped = 0;
  for (int i = 0; i < 2000; ++i) heap.push(random.uniform(), [] {});
  while (!heap.empty()) {
    const double time = heap.next_time();
    ASSERT_GE(time, last);
    last = time;
    heap.pop();
    if (++popped < 20000) heap.push(time + random.uniform(), [] {});
  }
  EXPECT_EQ(popped, 21999);
}

TEST(EventHeap, LetsGoOfACallbackOnceItIsTaken) {
  auto held = std::make_shared<int>(1);
  EventHeap heap;
  heap.push(1.0, [held] {});
  EXPECT_EQ(held.use_count(), 2);
  heap.pop()();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace windtunnel::sim
