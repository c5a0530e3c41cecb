#include "scenarios/varied_tree.hpp"

#include <algorithm>
#include <utility>

#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {

void VariedTree::take(Node root) {
  root_ = std::move(root);
  expander_.expand(root_, scenario_type(root_));
}

Node VariedTree::varied(const std::vector<Assignment>& point) {
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

std::optional<BoundScenario> VariedTree::bind(const std::vector<Assignment>& point) {
  return bind_scenario(varied(point), traces_, found_);
}

}  // namespace windtunnel::scenarios
