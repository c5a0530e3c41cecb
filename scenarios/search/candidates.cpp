#include "scenarios/search/candidates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scenarios/bind_train.hpp"
#include "scenarios/document/write.hpp"
#include "scenarios/schema/resolve.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/search/auto_values.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {
namespace {

bool of_strategy(const Axis& axis) {
  return std::all_of(axis.paths.begin(), axis.paths.end(),
                     [](const Path& path) { return path.front() == "strategy"; });
}

std::string first_error(const base::Diagnostics& found) {
  for (const base::Diagnostic& one : found.all()) {
    if (one.severity == base::Severity::error) return one.message;
  }
  return "the values do not go together";
}

}  // namespace

CandidateSpace::CandidateSpace(const LoadedScenario& loaded, std::vector<SearchAxis> axes)
    : loaded_(loaded), axes_(std::move(axes)) {
  for (const SearchAxis& one : axes_) of_layout_.push_back(of_strategy(one.axis));
  split();
  bind_settings();
  settle_sizes();
  split();
  enumerate();
}

// Strides of the two halves.
void CandidateSpace::split() {
  stride_.assign(axes_.size(), 1);
  double most = 1;
  std::uint32_t layouts = 1, settings = 1;
  for (std::size_t i = axes_.size(); i-- > 0;) {
    std::uint32_t& count = of_layout_[i] ? layouts : settings;
    stride_[i] = count;
    most *= static_cast<double>(axes_[i].axis.rows.size());
    if (most > kMostCandidates) {
      throw base::InputError(
          loaded_.search ? loaded_.search->where : base::SourceLocation{},
          fmt::format("the search has more than {:.0f} candidates", kMostCandidates));
    }
    count *= static_cast<std::uint32_t>(axes_[i].axis.rows.size());
  }
  layouts_ = layouts;
  if (settings_.empty()) settings_.resize(settings);
}

void CandidateSpace::bind_settings() {
  VariedTree& tree = *loaded_.tree;
  for (std::uint32_t s = 0; s < settings_.size(); ++s) {
    Setting& setting = settings_[s];
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      if (!of_layout_[i]) put(i, row_of(s, i), setting.point);
    }
    tree.forget();
    if (auto bound = tree.bind(setting.point)) {
      setting.scenario = std::move(bound->scenario);
    } else {
      setting.problem = first_error(tree.found());
    }
    tree.forget();
  }
}

// The values of an automatic axis: those of any setting; which of them each
// has.
void CandidateSpace::settle_sizes() {
  allowed_.assign(settings_.size(), std::vector<std::vector<bool>>(axes_.size()));
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    if (!axes_[i].automatic) continue;
    Axis& axis = axes_[i].axis;
    const std::string path = to_text(axis.paths.front());
    const base::SourceLocation where = axis.rows.front().front().where;
    std::vector<std::set<std::int64_t>> own(settings_.size());
    std::set<std::int64_t> all;
    for (std::size_t s = 0; s < settings_.size(); ++s) {
      if (!settings_[s].scenario) continue;
      for (const std::int64_t size : auto_values(path, *settings_[s].scenario)) {
        own[s].insert(size);
        all.insert(size);
      }
    }
    if (all.empty()) all.insert(1);
    axis.rows.clear();
    for (const std::int64_t size : all) {
      axis.rows.push_back({scalar_node(fmt::format("{}", size), where)});
    }
    for (std::size_t s = 0; s < settings_.size(); ++s) {
      for (const std::int64_t size : all) allowed_[s][i].push_back(own[s].contains(size));
    }
  }
}

void CandidateSpace::enumerate() {
  for (std::uint32_t s = 0; s < settings_.size(); ++s) {
    for (std::uint32_t l = 0; l < layouts_; ++l) {
      bool goes = true;
      for (std::size_t i = 0; goes && i < axes_.size(); ++i) {
        const std::vector<bool>& allowed = allowed_[s][i];
        goes = allowed.empty() || !settings_[s].scenario || allowed[row_of(l, i)];
      }
      if (goes) all_.push_back({s, l});
    }
  }
}

std::size_t CandidateSpace::row_of(std::uint32_t index, std::size_t axis) const {
  return index / stride_[axis] % axes_[axis].axis.rows.size();
}

std::size_t CandidateSpace::row(const Candidate& one, std::size_t axis) const {
  return row_of(of_layout_[axis] ? one.layout : one.setting, axis);
}

void CandidateSpace::put(std::size_t axis, std::size_t row, std::vector<Assignment>& out) const {
  const Axis& from = axes_[axis].axis;
  for (std::size_t j = 0; j < from.paths.size(); ++j) {
    out.push_back({from.paths[j], from.written[j], from.rows[row][j]});
  }
}

std::vector<Assignment> CandidateSpace::assignments(const Candidate& one) const {
  std::vector<Assignment> out;
  for (std::size_t i = 0; i < axes_.size(); ++i) put(i, row(one, i), out);
  return out;
}

std::vector<Assignment> CandidateSpace::layout(std::uint32_t index) const {
  std::vector<Assignment> out;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    if (of_layout_[i]) put(i, row_of(index, i), out);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> CandidateSpace::parameters(
    const Candidate& one) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Assignment& assignment : assignments(one)) {
    out.emplace_back(assignment.written, value_text(assignment.value));
  }
  return out;
}

LayoutBinder::LayoutBinder(const LoadedScenario& loaded) : tree_(loaded.path) {
  const Node& whole = loaded.tree->root();
  Node root = mapping_node({});
  Node workload = mapping_node({});
  workload.set("kind", scalar_node("train", {}));
  root.set("workload", std::move(workload));
  const Node* strategy = whole.find("strategy");
  root.set("strategy", strategy != nullptr ? *strategy : mapping_node({}));
  tree_.take(std::move(root));
  for (const Assignment& one : loaded.tree->fixed()) {
    if (one.path.front() == "strategy") tree_.fixed().push_back(one);
  }
  std::string ignored;
  base_ = bind_whole({}, ignored);
}

std::optional<strategies::TrainStrategy> LayoutBinder::bind(const std::vector<Assignment>& layout,
                                                            std::string& problem) {
  if (!base_) return bind_whole(layout, problem);
  strategies::TrainStrategy out = *base_;
  base::Diagnostics found;
  for (const Assignment& one : layout) {
    const Field* field =
        one.path.size() == 2 ? strategy_structure().field(one.path.back()) : nullptr;
    if (field == nullptr || !field->bind) return bind_whole(layout, problem);
    const Node value = resolve(one.value, field->type, to_text(one.path), found);
    if (found.has_errors() || has_invalid(value)) return bind_whole(layout, problem);
    if (value.kind != NodeKind::scalar) return bind_whole(layout, problem);
    field->bind(value, &out);
  }
  return out;
}

std::optional<strategies::TrainStrategy> LayoutBinder::bind_whole(
    const std::vector<Assignment>& layout, std::string& problem) {
  tree_.forget();
  const Node tree = tree_.varied(layout);
  const Node resolved = resolve(*tree.find("strategy"), structure_type(strategy_structure),
                                "strategy", tree_.found());
  if (!tree_.found().has_errors())
    if (tree_.found().has_errors() || has_invalid(resolved)) {
      problem = first_error(tree_.found());
      return std::nullopt;
    }
  strategies::TrainStrategy out = bind_train_strategy(resolved, tree_.found());
  if (tree_.found().has_errors()) {
    problem = first_error(tree_.found());
    return std::nullopt;
  }
  return out;
}

}  // namespace windtunnel::scenarios
