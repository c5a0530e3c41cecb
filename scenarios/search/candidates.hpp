// The candidates of a search: every setting (what `vary` says beyond the strategy: cluster, model,
// workload) with every layout (what it says of the strategy).
//
// A setting is bound as a whole scenario, once; a layout is put into it candidate by candidate. Sizes
// that are `auto` are those that go with the setting's cluster and model. Candidates are in the order
// of the axes as written, the first the slowest, settings before layouts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/scenario.hpp"
#include "scenarios/search/search.hpp"
#include "scenarios/varied_tree.hpp"

namespace windtunnel::scenarios {

struct Setting {
  std::vector<Assignment> point;
  std::optional<Scenario> scenario;  // nothing: the values do not go together
  std::string problem;               // then why
};

struct Candidate {
  std::uint32_t setting = 0;
  std::uint32_t layout = 0;
};

class CandidateSpace {
 public:
  // Throws InputError where there are more than kMostCandidates.
  CandidateSpace(const LoadedScenario& loaded, std::vector<SearchAxis> axes);

  const std::vector<Candidate>& all() const { return all_; }
  const std::vector<SearchAxis>& axes() const { return axes_; }
  const std::vector<Setting>& settings() const { return settings_; }
  const Setting& setting(const Candidate& one) const { return settings_[one.setting]; }

  // The row of an axis that a candidate has.
  std::size_t row(const Candidate& one, std::size_t axis) const;
  // In the order of the axes.
  std::vector<Assignment> assignments(const Candidate& one) const;
  // Those of the strategy alone.
  std::vector<Assignment> layout(std::uint32_t index) const;
  // Path as written and the value's text.
  std::vector<std::pair<std::string, std::string>> parameters(const Candidate& one) const;

 private:
  void split();
  void bind_settings();
  void settle_sizes();
  void enumerate();
  std::size_t row_of(std::uint32_t index, std::size_t axis) const;
  void put(std::size_t axis, std::size_t row, std::vector<Assignment>& out) const;

  const LoadedScenario& loaded_;
  std::vector<SearchAxis> axes_;
  std::vector<bool> of_layout_;        // by axis
  std::vector<std::uint32_t> stride_;  // by axis, within its own half
  std::uint32_t layouts_ = 1;
  std::vector<Setting> settings_;
  // By setting and axis: the rows that go with it; empty: all.
  std::vector<std::vector<std::vector<bool>>> allowed_;
  std::vector<Candidate> all_;
};

// A strategy of training at one layout after another, without the rest of the scenario. A value that is
// one field of the strategy goes straight into its member; what stands deeper is resolved anew.
class LayoutBinder {
 public:
  explicit LayoutBinder(const LoadedScenario& loaded);
  // Nothing, with the reason in `problem`, where the values do not go together.
  std::optional<strategies::TrainStrategy> bind(const std::vector<Assignment>& layout,
                                                std::string& problem);

 private:
  std::optional<strategies::TrainStrategy> bind_whole(const std::vector<Assignment>& layout,
                                                      std::string& problem);

  VariedTree tree_;
  std::optional<strategies::TrainStrategy> base_;  // with no layout
};

}  // namespace windtunnel::scenarios
