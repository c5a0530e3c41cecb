// From a scenario file to bound values: read, parse, expand, vary, resolve, bind, check. Each stage
// adds what is wrong to the same diagnostics, so that a user sees all of it in one go.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>
#include <utility>

#include "scenarios/bind_scenario.hpp"
#include "scenarios/document/parse.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/document/write.hpp"
#include "scenarios/expand.hpp"
#include "scenarios/expectation.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/schema/resolve.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/sweep.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::scenarios {
namespace {

// A file with more errors than this is not worth reading on.
constexpr int kMostErrors = 100;

// Adds each diagnostic once, however many points of a sweep run into it.
class Once {
 public:
  explicit Once(base::Diagnostics& out) : out_(out) {}

  void add(const base::Diagnostics& found) {
    for (const base::Diagnostic& one : found.all()) {
      if (seen_.emplace(one.where.file, one.where.line, one.where.column, one.message).second)
        out_.add(one);
    }
  }

 private:
  base::Diagnostics& out_;
  std::set<std::tuple<std::string, int, int, std::string>> seen_;
};

Node taken(Node& root, std::string_view key) {
  Node value;
  value.kind = NodeKind::invalid;
  if (const Node* present = root.find(key)) value = *present;
  root.erase(key);
  return value;
}

class Loader {
 public:
  Loader(const std::string& path, const LoadOptions& options, base::Diagnostics& diagnostics)
      : path_(path),
        options_(options),
        diagnostics_(diagnostics),
        expander_(path, found_),
        once_(diagnostics) {}

  std::optional<LoadedScenario> load() {
    const std::string text = read_file(path_);
    auto root = parse_yaml(text, path_, diagnostics_);
    if (!root) return std::nullopt;
    if (root->kind != NodeKind::mapping) {
      diagnostics_.error(root->where,
                         fmt::format("a scenario has to be a mapping, not {}", kind_name(*root)));
      return std::nullopt;
    }
    refuse_unbuilt(*root);
    root_ = std::move(*root);
    LoadedScenario loaded;
    loaded.path = path_;
    loaded.sha256 = base::sha256(text);
    prepare();
    bind_points(loaded);
    if (diagnostics_.has_errors()) return std::nullopt;
    loaded.name = loaded.points.front().scenario.name;
    loaded.resolved_yaml = whole_text(loaded);
    return loaded;
  }

 private:
  // Expands the tree and reads what varies it.
  void prepare() {
    if (root_.find("name") == nullptr) {
      root_.set("name", scalar_node(std::filesystem::path(path_).stem().string(), root_.where));
    }
    const Node sweep = taken(root_, "sweep");
    const Node expect = taken(root_, "expect");
    expander_.expand(root_, scenario_type(root_));
    fixed_ = parse_sets(options_.sets, root_, found_);
    for (const Assignment& assignment : fixed_) {
      recorded_.emplace_back(assignment.written, to_flow_yaml(assignment.value));
    }
    add_flags();
    axes_ = parse_sweep(sweep, root_, fixed_, found_);
    if (expect.kind != NodeKind::invalid) {
      expect_ = resolve(expect, scenario_structure().field("expect")->type, "expect", found_);
      expectations_ = parse_expectations(expect_, root_, found_);
    }
    settle();
  }

  void add_flags() {
    const auto fix = [this](Path path, std::string value, std::string flag) {
      std::erase_if(fixed_, [&](const Assignment& a) { return a.path == path; });
      fixed_.push_back(
          {path, to_text(path), scalar_node(std::move(value), {std::move(flag), 0, 0})});
    };
    if (options_.seed) fix({"engine", "seed"}, fmt::format("{}", *options_.seed), "--seed");
    if (options_.engine) {
      fix({"engine", "kind"}, std::string(to_text(*options_.engine)), "--engine");
    }
  }

  // Hands what the last stage found to the caller.
  void settle() {
    once_.add(found_);
    found_ = base::Diagnostics{};
  }

  // The tree with these values put in, outer paths before inner ones, so that `cluster` may be
  // replaced and `cluster.nodes` set in the replacement.
  Node varied(const std::vector<Assignment>& point) {
    std::vector<Assignment> all = point;
    all.insert(all.end(), fixed_.begin(), fixed_.end());
    std::stable_sort(all.begin(), all.end(), [](const Assignment& a, const Assignment& b) {
      return a.path.size() < b.path.size();
    });
    Node tree = root_;
    for (Assignment& assignment : all) {
      assign(tree, assignment.path, std::move(assignment.value));
      expander_.expand(tree, scenario_type(tree));
    }
    return tree;
  }

  void bind_points(LoadedScenario& loaded) {
    for (const std::vector<Assignment>& point : points_of(axes_)) {
      auto result = bind_scenario(varied(point), traces_, found_);
      settle();
      if (diagnostics_.error_count() > kMostErrors) return;
      if (!result) continue;
      inert_.meet(result->inert);
      SweepPoint bound{.parameters = {},
                       .scenario = std::move(result->scenario),
                       .expectations = expectations_at(expectations_, result->resolved)};
      for (const Assignment& assignment : point) {
        bound.parameters.emplace_back(assignment.written, to_flow_yaml(assignment.value));
      }
      bound.parameters.insert(bound.parameters.end(), recorded_.begin(), recorded_.end());
      loaded.points.push_back(std::move(bound));
    }
    loaded.expectations = expectations_;
    inert_.report(found_);
    settle();
  }

  // Where the file without its sweep is no scenario (a required key is swept), the first point
  // stands in.
  std::string whole_text(const LoadedScenario& loaded) {
    std::string text = loaded.points.front().scenario.resolved_yaml;
    base::Diagnostics ignored;
    if (const auto base =
            axes_.empty() ? std::nullopt : bind_scenario(varied({}), traces_, ignored)) {
      text = base->scenario.resolved_yaml;
    }
    Node rest = mapping_node({});
    if (!axes_.empty()) rest.set("sweep", sweep_node(axes_));
    if (!expectations_.empty()) rest.set("expect", expect_);
    return rest.entries.empty() ? text : text + to_yaml(rest);
  }

  const std::string& path_;
  const LoadOptions& options_;
  base::Diagnostics& diagnostics_;
  base::Diagnostics found_;  // by the stage at work
  Expander expander_;
  Once once_;
  InertEverywhere inert_;
  TraceShelf traces_;
  Node root_;
  std::vector<Assignment> fixed_;                              // by --set and the other flags
  std::vector<std::pair<std::string, std::string>> recorded_;  // by --set
  std::vector<Axis> axes_;
  Node expect_;
  std::vector<Expectation> expectations_;
};

}  // namespace

std::optional<LoadedScenario> load_scenario(const std::string& path, const LoadOptions& options,
                                            base::Diagnostics& diagnostics) {
  return Loader(path, options, diagnostics).load();
}

}  // namespace windtunnel::scenarios
