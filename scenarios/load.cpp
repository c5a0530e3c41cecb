// From a scenario file to bound values: read, parse, expand, vary, resolve, bind, check. Each stage
// adds what is wrong to the same diagnostics, so that a user sees all of it in one go.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>
#include <utility>

#include "scenarios/document/parse.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/document/write.hpp"
#include "scenarios/expand.hpp"
#include "scenarios/expectation.hpp"
#include "scenarios/import_cluster.hpp"
#include "scenarios/library.hpp"
#include "scenarios/participants.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/schema/bind.hpp"
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

void refuse_unbuilt(const Node& root) {
  const Node* workload = root.find("workload");
  const Node* kind = workload == nullptr ? nullptr : workload->find("kind");
  if (kind == nullptr || kind->kind != NodeKind::scalar) return;
  const std::vector<std::string> unbuilt = unbuilt_workload_kinds();
  if (std::find(unbuilt.begin(), unbuilt.end(), kind->text) == unbuilt.end()) return;
  base::Diagnostic text{base::Severity::error, kind->where,
                        fmt::format("the workload kind '{}' is not built yet", kind->text)};
  throw NotBuilt(base::to_text(text));
}

Node taken(Node& root, std::string_view key) {
  Node value;
  value.kind = NodeKind::invalid;
  if (const Node* present = root.find(key)) value = *present;
  root.erase(key);
  return value;
}

void check_calibration(const Node& resolved, base::Diagnostics& diagnostics) {
  const Node& node = *resolved.find("calibration");
  if (node.text == "none" || node.text == "auto") return;
  if (node.text.ends_with(".yaml") || node.text.ends_with(".yml")) {
    std::error_code error;
    if (std::filesystem::is_regular_file(node.text, error)) return;
    diagnostics.error(node.where, fmt::format("there is no profile file '{}'", node.text));
    return;
  }
  const std::vector<std::string> names = library_names("profiles");
  if (std::find(names.begin(), names.end(), node.text) != names.end()) return;
  diagnostics.error(node.where,
                    fmt::format("there is no profile '{}'{} (`windtunnel list profiles` shows all)",
                                node.text, base::did_you_mean(node.text, names)));
}

std::optional<sim::ValidCluster> bind_cluster(const Node& node, base::Diagnostics& diagnostics) {
  if (node.find("simgrid_platform") != nullptr) {
    PlatformImport import;
    bind_structure(platform_import_structure(), node, &import);
    auto cluster = import_simgrid_platform(*node.find("simgrid_platform"), diagnostics);
    if (!cluster) return std::nullopt;
    cluster->name = import.name;
    return validate(*cluster, node.where, diagnostics);
  }
  sim::Cluster cluster;
  bind_structure(cluster_structure(), node, &cluster);
  return validate(cluster, node.where, diagnostics);
}

bool has_invalid(const Node& node) {
  return node.kind == NodeKind::invalid ||
         std::any_of(node.items.begin(), node.items.end(), has_invalid) ||
         std::any_of(node.entries.begin(), node.entries.end(),
                     [](const Entry& entry) { return has_invalid(entry.value); });
}

struct BoundScenario {
  Scenario scenario;
  Node resolved;
};

// One point of the sweep, from its expanded tree.
std::optional<BoundScenario> bind_scenario(const Node& tree, base::Diagnostics& diagnostics) {
  refuse_unbuilt(tree);
  Node resolved = resolve(tree, structure_type(scenario_structure), "", diagnostics);
  if (diagnostics.has_errors() || has_invalid(resolved)) return std::nullopt;
  check_calibration(resolved, diagnostics);
  ScenarioHead head;
  bind_structure(scenario_structure(), resolved, &head);
  strategies::CollectiveWorkload workload;
  bind_structure(collective_structure(), *resolved.find("workload"), &workload);
  auto cluster = bind_cluster(*resolved.find("cluster"), diagnostics);
  if (cluster) place_participants(*resolved.find("workload"), **cluster, workload, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  Scenario scenario{.name = head.name,
                    .description = head.description,
                    .cluster = std::move(*cluster),
                    .workload = std::move(workload),
                    .calibration = head.calibration,
                    .engine = head.engine,
                    .resolved_yaml = to_yaml(resolved)};
  return BoundScenario{std::move(scenario), std::move(resolved)};
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
    expander_.expand(root_, structure_type(scenario_structure));
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
      expander_.expand(tree, structure_type(scenario_structure));
    }
    return tree;
  }

  void bind_points(LoadedScenario& loaded) {
    for (const std::vector<Assignment>& point : points_of(axes_)) {
      auto result = bind_scenario(varied(point), found_);
      settle();
      if (diagnostics_.error_count() > kMostErrors) return;
      if (!result) continue;
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
  }

  // Where the file without its sweep is no scenario (a required key is swept), the first point
  // stands in.
  std::string whole_text(const LoadedScenario& loaded) {
    std::string text = loaded.points.front().scenario.resolved_yaml;
    base::Diagnostics ignored;
    if (const auto base = axes_.empty() ? std::nullopt : bind_scenario(varied({}), ignored)) {
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
