// The verb plan: every candidate of a search costed or ruled out, ranked, and the best as cases.
//
// Candidates run in batches, `jobs` processes at a time; the result does not depend on how many. Memory
// comes first: what does not fit, or breaks a constraint on memory or GPUs, is not costed. Nothing else
// is left out, so that the best of the result is the best of all. Training is costed with one rank of
// each stage; the engine that the scenario asks for runs the best again. Where candidates are equal by
// the objective (to 12 digits), those of lower mean latency or less memory come first, then the earlier.
// An interrupted plan ranks what was finished.
#pragma once

#include "scenarios/study.hpp"

namespace windtunnel::scenarios {

// `result.plan` says how the search went, the cases are its best. Throws InputError where the
// scenario does not say what to search for.
Study run_plan(const LoadedScenario& loaded, const StudyOptions& options);

}  // namespace windtunnel::scenarios
