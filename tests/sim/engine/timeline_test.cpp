#include "sim/engine/timeline.hpp"

#include <gtest/gtest.h>

#include "sim/base/contract.hpp"

namespace windtunnel::sim {
namespace {

using base::Bytes;
using base::Seconds;

Span span_of(Timeline& timeline, int stream, double start, double end) {
  return {EndpointId(0),
          stream,
          timeline.label("forward " + std::to_string(stream)),
          timeline.label("compute"),
          Seconds(start),
          Seconds(end)};
}

TEST(Timeline, KeepsALabelOnce) {
  Timeline timeline;
  EXPECT_EQ(timeline.label("a"), timeline.label("a"));
  EXPECT_NE(timeline.label("a"), timeline.label("b"));
  EXPECT_EQ(timeline.text(timeline.label("b")), "b");
}

TEST(Timeline, SpansOfOneStreamMayTouchAndNotOverlap) {
  Timeline timeline;
  timeline.add(span_of(timeline, 0, 1, 2));
  timeline.add(span_of(timeline, 0, 0, 1));
  timeline.add(span_of(timeline, 1, 0, 5));
  EXPECT_EQ(timeline.overlap(), std::nullopt);
  timeline.add(span_of(timeline, 0, 1.5, 3));
  EXPECT_EQ(
      timeline.overlap(),
      "'forward 0' (1 to 2 s) and 'forward 0' (1.5 to 3 s) overlap on stream 0 of endpoint 0");
}

TEST(Timeline, ALongSpanOverlapsOneFurtherOn) {
  Timeline timeline;
  timeline.add(span_of(timeline, 0, 0, 10));
  timeline.add(span_of(timeline, 0, 3, 3));
  timeline.add(span_of(timeline, 0, 5, 6));
  EXPECT_TRUE(timeline.overlap().has_value());
}

TEST(Timeline, KnowsItsEndAndHowLongAStreamWasBusy) {
  Timeline timeline;
  EXPECT_EQ(timeline.end(), Seconds(0));
  timeline.add(span_of(timeline, 0, 0, 1));
  timeline.add(span_of(timeline, 0, 2, 4));
  timeline.add(Flow{EndpointId(0), EndpointId(1), timeline.label("x"), timeline.label("comm"),
                    Bytes(1), Seconds(1), Seconds(7)});
  timeline.add(CounterSample{EndpointId(0), timeline.label("queue"), Seconds(1), 3.0});
  EXPECT_EQ(timeline.end(), Seconds(7));
  EXPECT_EQ(timeline.busy(EndpointId(0), 0), Seconds(3));
  EXPECT_EQ(timeline.counters().size(), 1u);
}

TEST(Timeline, RefusesWhatEndsBeforeItStarts) {
  Timeline timeline;
  EXPECT_THROW(timeline.add(span_of(timeline, 0, 2, 1)), base::ContractViolation);
}

}  // namespace
}  // namespace windtunnel::sim
