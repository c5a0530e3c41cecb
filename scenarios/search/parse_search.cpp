#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "scenarios/known_facts.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/resolve.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/search/auto_values.hpp"
#include "scenarios/search/search.hpp"

namespace windtunnel::scenarios {
namespace {

bool is_auto(const Node& node) {
  return node.kind == NodeKind::scalar && node.text == "auto" && !node.quoted;
}

std::string workload_kind(const Node& root) {
  const Node* workload = root.find("workload");
  const Node* kind = workload == nullptr ? nullptr : workload->find("kind");
  return kind != nullptr && kind->kind == NodeKind::scalar ? kind->text : "";
}

class SearchReader {
 public:
  SearchReader(const Node& root, const std::vector<Assignment>& fixed,
               base::Diagnostics& diagnostics)
      : root_(root), fixed_(fixed), diagnostics_(diagnostics), kind_(workload_kind(root)) {}

  Search read(const Node& search) {
    Search out;
    out.where = search.where;
    if (search.kind != NodeKind::mapping) return out;
    if (kind_ != "train" && kind_ != "serve") {
      if (!kind_.empty())
        diagnostics_.error(
            search.where,
            fmt::format("'search' is for train and serve workloads, not for '{}'", kind_));
      return out;
    }
    if (const Node* vary = search.find("vary")) out.axes = axes(*vary);
    if (const Node* objective = search.find("objective")) out.objective = goal(*objective);
    if (const Node* pareto = search.find("pareto")) goals(*pareto, out.pareto);
    if (const Node* constraints = search.find("constraints")) limits(*constraints, out);
    SearchNumbers numbers;
    if (!has_invalid(search)) bind_structure(search_structure(), search, &numbers);
    out.top = numbers.top;
    out.share = numbers.share;
    return out;
  }

 private:
  // `auto` in place of a list is a list of it for now.
  std::vector<SearchAxis> axes(const Node& vary) {
    if (vary.kind != NodeKind::mapping) return {};
    Node lists = vary;
    std::set<std::string> automatic;
    for (Entry& entry : lists.entries) {
      if (!is_auto(entry.value)) continue;
      automatic.insert(entry.key);
      Node list = sequence_node(entry.value.where);
      list.items.push_back(entry.value);
      entry.value = std::move(list);
    }
    std::vector<SearchAxis> out;
    for (Axis& axis : parse_sweep(lists, root_, fixed_, diagnostics_,
                                  {.called = "search.vary", .most_points = kMostCandidates})) {
      const bool open = axis.written.size() == 1 && automatic.contains(axis.written.front());
      out.push_back({std::move(axis), false});
      if (open) settle(out.back());
    }
    return out;
  }

  // What `auto` stands for at a path.
  void settle(SearchAxis& one) {
    const Path& path = one.axis.paths.front();
    const base::SourceLocation where = one.axis.rows.front().front().where;
    const auto type = type_at(root_, path);
    if (!type) return;
    if (has_auto_values(to_text(path))) {
      one.automatic = true;
    } else if (type->kind == TypeKind::boolean) {
      words(one, {"false", "true"});
    } else if (type->keyword(one.axis.rows.front().front()) == nullptr) {
      std::vector<std::string> all;
      for (const Choice& choice : type->choices) {
        // A field whose own default is `auto` has that one value.
        if (choice.value == "auto") return;
        all.push_back(choice.value);
      }
      if (type->kind == TypeKind::choice) return words(one, all);
      diagnostics_.error(where, fmt::format("search.vary of '{}' cannot be 'auto': write a list of "
                                            "values",
                                            to_text(path)));
    }
  }

  static void words(SearchAxis& one, const std::vector<std::string>& all) {
    const base::SourceLocation where = one.axis.rows.front().front().where;
    one.axis.rows.clear();
    for (const std::string& word : all) one.axis.rows.push_back({scalar_node(word, where)});
  }

  bool known_fact(const std::string& fact, const base::SourceLocation& where) {
    std::vector<std::string> names;
    for (const auto* facts : {&facts_of_workload(kind_), &facts_of_search(kind_)}) {
      if (facts->contains(fact)) return true;
      for (const auto& [name, info] : *facts) names.push_back(name);
    }
    diagnostics_.error(where, fmt::format("a {} workload has no fact '{}'{}", kind_, fact,
                                          base::did_you_mean(fact, names)));
    return false;
  }

  std::optional<FactGoal> goal(const Node& node) {
    if (has_invalid(node)) return std::nullopt;
    GoalWords words;
    bind_structure(search_goal_structure(), node, &words);
    if (!known_fact(words.fact, node.find("fact")->where)) return std::nullopt;
    Better better = better_of(words.fact);
    if (words.direction == GoalDirection::minimize) better = Better::lower;
    if (words.direction == GoalDirection::maximize) better = Better::higher;
    return FactGoal{words.fact, better};
  }

  void goals(const Node& list, std::vector<FactGoal>& out) {
    std::set<std::string> seen;
    for (const Node& item : list.items) {
      auto one = goal(item);
      if (!one) continue;
      if (!seen.insert(one->fact).second) {
        diagnostics_.error(item.where, fmt::format("search.pareto names '{}' twice", one->fact));
      }
      out.push_back(*std::move(one));
    }
  }

  void limits(const Node& constraints, Search& out) {
    for (const Entry& entry : constraints.entries) {
      if (!known_fact(entry.key, entry.where)) continue;
      for (const Node& item : entry.value.items) {
        if (item.kind != NodeKind::scalar) continue;
        if (auto one = parse_constraint(entry.key, item, diagnostics_)) {
          out.constraints.push_back(*std::move(one));
        }
      }
    }
  }

  const Node& root_;
  const std::vector<Assignment>& fixed_;
  base::Diagnostics& diagnostics_;
  std::string kind_;
};

}  // namespace

Search parse_search(const Node& search, const Node& root, const std::vector<Assignment>& fixed,
                    base::Diagnostics& diagnostics) {
  return SearchReader(root, fixed, diagnostics).read(search);
}

std::vector<SearchAxis> usual_axes(const Node& root, const std::vector<Assignment>& fixed) {
  Node vary = mapping_node({});
  for (const char* path : {"strategy.tensor", "strategy.pipeline", "strategy.micro_batch",
                           "strategy.recompute", "strategy.zero", "strategy.expert"}) {
    vary.set(path, scalar_node("auto", {}));
  }
  Node search = mapping_node({});
  search.set("vary", std::move(vary));
  base::Diagnostics ignored;
  const Node resolved = resolve(search, structure_type(search_structure), "search", ignored);
  return parse_search(resolved, root, fixed, ignored).axes;
}

}  // namespace windtunnel::scenarios
