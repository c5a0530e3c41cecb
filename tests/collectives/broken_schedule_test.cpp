// Schedules broken on purpose must not pass the verifier: it would be worth nothing otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "collectives/verifier.hpp"

namespace windtunnel::collectives {
namespace {

using ::testing::HasSubstr;
using Dependencies = std::vector<std::int32_t>;

ScheduleRequest ring_request() {
  return {.op = Op::all_reduce,
          .algorithm = Algorithm::ring,
          .ranks = 5,
          .bytes = 44,
          .element_bytes = 4};
}

// A copy of the ring's schedule with each message as `change` leaves it.
Schedule changed(const std::function<void(std::size_t, Message&, Dependencies&)>& change,
                 const ScheduleRequest& request = ring_request()) {
  const Schedule right = make_schedule(request);
  Schedule broken;
  broken.ranks = right.ranks;
  broken.switches = right.switches;
  broken.buffer_bytes = right.buffer_bytes;
  for (std::size_t i = 0; i < right.messages.size(); ++i) {
    Message message = right.messages[i];
    const auto span = right.dependencies(static_cast<std::int32_t>(i));
    Dependencies dependencies(span.begin(), span.end());
    change(i, message, dependencies);
    broken.add(message, dependencies);
  }
  return broken;
}

TEST(Verifier, AcceptsTheUnchangedSchedule) {
  const Verdict verdict = verify(ring_request(), changed([](auto, auto&, auto&) {}));
  EXPECT_TRUE(verdict.correct) << verdict.problem;
}

TEST(Verifier, RejectsAScheduleThatLacksAnyOneMessage) {
  const Schedule right = make_schedule(ring_request());
  for (std::size_t missing = 0; missing < right.messages.size(); ++missing) {
    const Schedule broken = changed([&](std::size_t i, Message& m, Dependencies&) {
      if (i == missing) m.bytes = 0;
    });
    EXPECT_FALSE(verify(ring_request(), broken).correct) << missing;
  }
}

TEST(Verifier, RejectsAWrongOffsetInAnyOneMessage) {
  const Schedule right = make_schedule(ring_request());
  for (std::size_t wrong = 0; wrong < right.messages.size(); ++wrong) {
    const Schedule broken = changed([&](std::size_t i, Message& m, Dependencies&) {
      if (i == wrong) m.target_offset = m.target_offset == 0 ? 4 : 0;
    });
    EXPECT_FALSE(verify(ring_request(), broken).correct) << wrong;
  }
}

TEST(Verifier, RejectsACopyInPlaceOfAReduction) {
  const Schedule broken = changed([](std::size_t i, Message& m, Dependencies&) {
    if (i == 7) m.action = Action::copy;
  });
  const Verdict verdict = verify(ring_request(), broken);
  EXPECT_FALSE(verdict.correct);
  EXPECT_THAT(verdict.problem, HasSubstr("in place of"));
}

TEST(Verifier, RejectsAPartAddedTwice) {
  const Schedule broken = changed([](std::size_t i, Message& m, Dependencies&) {
    if (i >= 20) m.action = Action::reduce;
  });
  EXPECT_FALSE(verify(ring_request(), broken).correct);
}

TEST(Verifier, RejectsADroppedDependencyAsARace) {
  const Schedule broken = changed([](std::size_t i, Message&, Dependencies& d) {
    if (i == 12) d.erase(d.begin());  // the data; its own step before remains
  });
  const Verdict verdict = check_races(broken);
  EXPECT_FALSE(verdict.correct);
  EXPECT_THAT(verdict.problem, HasSubstr("in no order"));
}

TEST(Verifier, SeesARaceEvenWhereTheUsualOrderHappensToBeRight) {
  // Data still arrives in step when messages complete in the order they are written.
  const ScheduleRequest request = ring_request();
  const Schedule broken = changed([](std::size_t i, Message&, Dependencies& d) {
    // The last message of the step before stands for all of them.
    if (i >= 5) d = {static_cast<std::int32_t>(i / 5 * 5) - 1};
  });
  EXPECT_TRUE(check_result(request, broken, CompletionOrder::oldest_first).correct);
  EXPECT_FALSE(check_races(broken).correct);
  EXPECT_FALSE(verify(request, broken).correct);
}

TEST(Verifier, RejectsTwoUnorderedCopiesOntoTheSameBytes) {
  Schedule schedule;
  schedule.ranks = 3;
  schedule.buffer_bytes = 4;
  schedule.add({.from = 0, .to = 2, .bytes = 4}, {});
  schedule.add({.from = 1, .to = 2, .bytes = 4}, {});
  EXPECT_FALSE(check_races(schedule).correct);
  schedule.messages[0].action = schedule.messages[1].action = Action::reduce;
  EXPECT_TRUE(check_races(schedule).correct);
}

TEST(Verifier, RejectsAMessageOutsideTheBuffer) {
  const Schedule broken = changed([](std::size_t i, Message& m, Dependencies&) {
    if (i == 3) m.source_offset = 44;
  });
  EXPECT_THAT(verify(ring_request(), broken).problem, HasSubstr("out of the buffer"));
}

TEST(Verifier, RejectsResultsOfAnotherOp) {
  ScheduleRequest scatter = ring_request();
  scatter.op = Op::reduce_scatter;
  EXPECT_FALSE(verify(ring_request(), make_schedule(scatter)).correct);
}

}  // namespace
}  // namespace windtunnel::collectives
