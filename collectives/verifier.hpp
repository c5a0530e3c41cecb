// Proof that a schedule does its op: it is run on real vectors, and nothing about the result is
// left to chance.
//
// Model: every rank's input is a vector of integers (as doubles, below 2^40, so that sums over
// 8,192 ranks are exact), different for each rank and element, so that a part that is missing,
// doubled, or in the wrong place shows. What is not input is NaN in ranks, 0 in switches. The run
// follows schedule.hpp: a message starts as soon as it may, takes what its source holds then, and
// is applied when it completes; the order of completion is first-in first-out, then last-in
// first-out, then random. Beyond these orders a race check covers all of them: any two messages
// that touch the same bytes of a participant, one of them writing, must be ordered by dependencies,
// unless both add; a reader may also just start before the writer, which is so when the writer
// waits for all that the reader waits for. A schedule that passes both is right in every order that
// an engine can bring about.
#pragma once

#include <cstdint>
#include <string>

#include "collectives/request.hpp"
#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

struct Verdict {
  bool correct = true;
  std::string problem;  // what is wrong, naming messages and ranks
};

// Everything below. Time and memory of the race check grow with the square of the messages; made
// for schedules of up to some ten thousand.
Verdict verify(const ScheduleRequest& request, const Schedule& schedule);

// Participants, ranges and phases in bounds; dependencies before dependents.
Verdict check_form(const Schedule& schedule);
Verdict check_races(const Schedule& schedule);

enum class CompletionOrder { oldest_first, newest_first, random };
// Runs the schedule and compares every rank's output with what the op promises.
Verdict check_result(const ScheduleRequest& request, const Schedule& schedule,
                     CompletionOrder order);

}  // namespace windtunnel::collectives
