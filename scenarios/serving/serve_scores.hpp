// Scores of validated serving runs; the definitions are in serve_validation.hpp.
#pragma once

#include <vector>

#include "scenarios/serving/serve_validation.hpp"

namespace windtunnel::scenarios {

struct ServeErrors {
  std::vector<double> signed_errors, absolute, widths;
  int inside = 0;
  void add(const ComparedFact& fact);
  double inside_share() const;
};

void add_serve_scores(const std::vector<ValidatedServe>& runs, base::Outcome& out);

}  // namespace windtunnel::scenarios
