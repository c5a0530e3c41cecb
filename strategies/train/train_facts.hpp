// Facts, labels, bands and warnings of a training iteration.
#pragma once

#include "sim/base/fact.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::strategies {

// Returns the time that the model's FLOPs would take at peak.
base::Seconds add_train_facts(const TrainPlan& plan, const TrainSubject& subject,
                              const TrainSite& site, const Iteration& iteration,
                              base::Outcome& out);

}  // namespace windtunnel::strategies
