#include "scenarios/steps/step_scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace windtunnel::scenarios {
namespace {

constexpr double kApart = 0.03;

// "02-25" of "02-25; hardware TFLOPs ...".
std::string date_tag(const std::string& notes) {
  const std::string tag = notes.substr(0, notes.find(';'));
  const bool dated =
      tag.size() == 5 && tag[2] == '-' && std::isdigit(tag[0]) != 0 && std::isdigit(tag[4]) != 0;
  return dated ? tag : "";
}

std::string group_of(const ValidatedStep& step) {
  const StepRow& r = step.row;
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", r.origin.file, r.model, r.gpus.value_or(0),
                     r.global_batch.value_or(0), r.sequence_length.value_or(0), r.precision,
                     r.stack, date_tag(r.notes));
}

void add_pair(double measured_a, double measured_b, double ranked_a, double ranked_b,
              PairOrder& order) {
  ++order.pairs;
  if (ranked_a == ranked_b) {
    order.right += 0.5;
  } else if ((measured_a < measured_b) == (ranked_a < ranked_b)) {
    order.right += 1.0;
  }
}

}  // namespace

double predicted_time(const ValidatedStep& step) {
  const auto found = step.predicted.facts.find("iteration_time_s");
  return found == step.predicted.facts.end() ? 0.0 : found->second;
}

std::vector<const ValidatedStep*> scored(const std::vector<ValidatedStep>& steps) {
  std::vector<const ValidatedStep*> out;
  for (const ValidatedStep& step : steps) {
    if (step.measured > 0 && predicted_time(step) > 0) out.push_back(&step);
  }
  return out;
}

std::vector<double> null_errors(const std::vector<const ValidatedStep*>& steps) {
  std::map<std::pair<std::string, std::string>, std::vector<const ValidatedStep*>> groups;
  for (const ValidatedStep* step : steps)
    groups[{step->row.gpu, step->row.precision}].push_back(step);
  std::vector<double> errors;
  for (const auto& [key, members] : groups) {
    const auto rate = [](const ValidatedStep& step) {
      return step.model_flops / (step.measured * static_cast<double>(*step.row.gpus));
    };
    for (const ValidatedStep* left_out : members) {
      std::vector<double> rates;
      for (const ValidatedStep* other : members) {
        if (other != left_out) rates.push_back(rate(*other));
      }
      if (rates.empty()) continue;
      std::sort(rates.begin(), rates.end());
      const std::size_t half = rates.size() / 2;
      const double median =
          rates.size() % 2 == 1 ? rates[half] : (rates[half - 1] + rates[half]) / 2;
      errors.push_back(std::abs(rate(*left_out) / median - 1.0));
    }
  }
  return errors;
}

Ranking ranking(const std::vector<const ValidatedStep*>& steps) {
  std::map<std::string, std::vector<const ValidatedStep*>> groups;
  for (const ValidatedStep* step : steps) groups[group_of(*step)].push_back(step);
  Ranking out;
  double regrets = 0.0;
  for (const auto& [key, members] : groups) {
    if (members.size() < 2) continue;
    ++out.groups;
    for (std::size_t i = 0; i < members.size(); ++i) {
      for (std::size_t j = i + 1; j < members.size(); ++j) {
        const double a = members[i]->measured, b = members[j]->measured;
        if (std::max(a, b) <= std::min(a, b) * (1 + kApart)) continue;
        add_pair(a, b, predicted_time(*members[i]), predicted_time(*members[j]), out.ours);
        add_pair(a, b, members[i]->bubble_rule, members[j]->bubble_rule, out.bubble_rule);
      }
    }
    const auto by_predicted = [](const ValidatedStep* x, const ValidatedStep* y) {
      return predicted_time(*x) < predicted_time(*y);
    };
    const auto by_measured = [](const ValidatedStep* x, const ValidatedStep* y) {
      return x->measured < y->measured;
    };
    const ValidatedStep* picked = *std::min_element(members.begin(), members.end(), by_predicted);
    const ValidatedStep* best = *std::min_element(members.begin(), members.end(), by_measured);
    regrets += picked->measured / best->measured - 1.0;
  }
  if (out.groups > 0) out.regret = regrets / out.groups;
  return out;
}

}  // namespace windtunnel::scenarios
