// Scores of validated steps; the definitions are in step_validation.hpp.
#pragma once

#include <optional>
#include <vector>

#include "scenarios/steps/step_validation.hpp"

namespace windtunnel::scenarios {

struct PairOrder {
  double right = 0.0;  // ties half
  int pairs = 0;
  std::optional<double> share() const {
    return pairs > 0 ? std::optional(right / pairs) : std::nullopt;
  }
};

double predicted_time(const ValidatedStep& step);
// Timed rows with a prediction.
std::vector<const ValidatedStep*> scored(const std::vector<ValidatedStep>& steps);
std::vector<double> null_errors(const std::vector<const ValidatedStep*>& steps);

struct Ranking {
  PairOrder ours, bubble_rule;
  std::optional<double> regret;
  int groups = 0;
};
Ranking ranking(const std::vector<const ValidatedStep*>& steps);

}  // namespace windtunnel::scenarios
