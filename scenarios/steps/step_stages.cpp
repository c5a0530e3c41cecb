#include "scenarios/steps/step_stages.hpp"

#include <cstddef>
#include <numeric>
#include <regex>
#include <string>

namespace windtunnel::scenarios {
namespace {

// Longer digits are no count of layers.
std::vector<std::int64_t> numbers(const std::string& text) {
  static const std::regex kNumber("[0-9]{1,6}");
  std::vector<std::int64_t> out;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), kNumber);
       at != std::sregex_iterator(); ++at) {
    out.push_back(std::stoll(at->str()));
  }
  return out;
}

}  // namespace

std::vector<std::int64_t> stated_stage_layers(const StepRow& row, std::int64_t layers) {
  static const std::regex kStages(R"(layers per stage \(incl\. embed/head\) \[([0-9, ]+)\])");
  std::smatch found;
  if (!std::regex_search(row.notes, found, kStages)) return {};
  std::vector<std::int64_t> stages = numbers(found[1]);
  const auto wanted = static_cast<std::size_t>(row.pipeline.value_or(1));
  if (stages.size() < 2 || stages.size() != wanted || row.virtual_stages.value_or(1) > 1) return {};
  if (std::accumulate(stages.begin(), stages.end(), std::int64_t{0}) != layers + 2) return {};
  if (stages.front() < 1 || stages.back() < 1) return {};
  --stages.front();
  --stages.back();
  return stages;
}

}  // namespace windtunnel::scenarios
