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
#include "scenarios/expectation.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/schema/resolve.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/search/search.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/varied_tree.hpp"
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
        tree_(std::make_shared<VariedTree>(path)),
        found_(tree_->found()),
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
    LoadedScenario loaded;
    loaded.path = path_;
    loaded.sha256 = base::sha256(text);
    prepare(*std::move(root));
    bind_points(loaded);
    check_candidates();
    if (diagnostics_.has_errors()) return std::nullopt;
    loaded.name = loaded.points.front().scenario.name;
    loaded.resolved_yaml = whole_text(loaded);
    if (search_) loaded.search = std::make_shared<const Search>(*search_);
    loaded.tree = tree_;
    return loaded;
  }

 private:
  // Expands the tree and reads what varies it.
  void prepare(Node root) {
    if (root.find("name") == nullptr) {
      root.set("name", scalar_node(std::filesystem::path(path_).stem().string(), root.where));
    }
    const Node sweep = taken(root, "sweep");
    const Node expect = taken(root, "expect");
    const Node search = taken(root, "search");
    tree_->take(std::move(root));
    tree_->fixed() = parse_sets(options_.sets, tree_->root(), found_);
    for (const Assignment& assignment : tree_->fixed()) {
      recorded_.emplace_back(assignment.written, value_text(assignment.value));
    }
    add_flags();
    axes_ = parse_sweep(sweep, tree_->root(), tree_->fixed(), found_);
    if (expect.kind != NodeKind::invalid) {
      expect_ = resolve(expect, scenario_structure().field("expect")->type, "expect", found_);
      expectations_ = parse_expectations(expect_, tree_->root(), found_);
    }
    if (search.kind != NodeKind::invalid) read_search(search);
    settle();
  }

  void read_search(const Node& search) {
    searched_ = resolve(search, scenario_structure().field("search")->type, "search", found_);
    search_ = parse_search(searched_, tree_->root(), tree_->fixed(), found_);
    if (!axes_.empty()) {
      found_.error(search.where,
                   "'search' and 'sweep' do not go together: let "
                   "search.vary name all that varies");
    }
  }

  void add_flags() {
    const auto fix = [this](Path path, std::string value, std::string flag) {
      std::erase_if(tree_->fixed(), [&](const Assignment& a) { return a.path == path; });
      tree_->fixed().push_back(
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
    tree_->forget();
  }

  void bind_points(LoadedScenario& loaded) {
    for (const std::vector<Assignment>& point : points_of(axes_)) {
      auto result = tree_->bind(point);
      settle();
      if (diagnostics_.error_count() > kMostErrors) return;
      if (!result) continue;
      inert_.meet(result->inert);
      SweepPoint bound{.parameters = {},
                       .scenario = std::move(result->scenario),
                       .expectations = expectations_at(expectations_, result->resolved)};
      for (const Assignment& assignment : point) {
        bound.parameters.emplace_back(assignment.written, value_text(assignment.value));
      }
      bound.parameters.insert(bound.parameters.end(), recorded_.begin(), recorded_.end());
      loaded.points.push_back(std::move(bound));
    }
    loaded.expectations = expectations_;
    if (search_) return;  // may vary what they depend on
    inert_.report(found_);
    settle();
  }

  // Each value of a search by itself: what is wrong with it is said at its
  // place. What does not go together is for the search to find out.
  void check_candidates() {
    if (!search_ || diagnostics_.has_errors()) return;
    for (const SearchAxis& one : search_->axes) {
      if (one.automatic) continue;
      for (const std::vector<Node>& row : one.axis.rows) {
        std::vector<Assignment> point;
        for (std::size_t j = 0; j < row.size(); ++j) {
          point.push_back({one.axis.paths[j], one.axis.written[j], row[j]});
        }
        tree_->bind(point);
        keep_errors_in(row);
      }
    }
  }

  static bool stands_in(const base::SourceLocation& where, const Node& node) {
    const auto inside = [&](const Node& part) { return stands_in(where, part); };
    const bool here = where.file == node.where.file && where.line == node.where.line &&
                      where.column == node.where.column;
    return here || std::any_of(node.items.begin(), node.items.end(), inside) ||
           std::any_of(node.entries.begin(), node.entries.end(), [&](const Entry& entry) {
             return stands_in(where, entry.value) ||
                    (where.line == entry.where.line && where.column == entry.where.column);
           });
  }

  void keep_errors_in(const std::vector<Node>& row) {
    base::Diagnostics kept;
    for (const base::Diagnostic& one : found_.all()) {
      const bool own = std::any_of(row.begin(), row.end(),
                                   [&](const Node& node) { return stands_in(one.where, node); });
      if (own) kept.add(one);
    }
    tree_->forget();
    once_.add(kept);
  }

  // Where the file without its sweep is no scenario (a required key is swept),
  // the first point stands in.
  std::string whole_text(const LoadedScenario& loaded) {
    std::string text = loaded.points.front().scenario.resolved_yaml;
    if (const auto base = axes_.empty() ? std::nullopt : tree_->bind({})) {
      text = base->scenario.resolved_yaml;
    }
    tree_->forget();
    Node rest = mapping_node({});
    if (!axes_.empty()) rest.set("sweep", sweep_node(axes_));
    if (!expectations_.empty()) rest.set("expect", expect_);
    if (search_) rest.set("search", searched_);
    return rest.entries.empty() ? text : text + to_yaml(rest);
  }

  const std::string& path_;
  const LoadOptions& options_;
  base::Diagnostics& diagnostics_;
  std::shared_ptr<VariedTree> tree_;
  base::Diagnostics& found_;  // by the stage at work
  Once once_;
  InertEverywhere inert_;
  std::vector<std::pair<std::string, std::string>> recorded_;  // by --set
  std::vector<Axis> axes_;
  Node expect_;
  std::vector<Expectation> expectations_;
  Node searched_;
  std::optional<Search> search_;
};

}  // namespace

std::optional<LoadedScenario> load_scenario(const std::string& path, const LoadOptions& options,
                                            base::Diagnostics& diagnostics) {
  return Loader(path, options, diagnostics).load();
}

}  // namespace windtunnel::scenarios
