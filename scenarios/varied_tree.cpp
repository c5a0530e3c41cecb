#include "scenarios/varied_tree.hpp"

#include <algorithm>
#include <utility>

#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {

void VariedTree::take(Node root) {
  written_ = root;
  root_ = std::move(root);
  expander_.expand(root_, scenario_type(root_));
}

// `model.hf` takes the model from elsewhere; what the file has beside it still overrides that.
Assignment VariedTree::rebased(Assignment assignment) const {
  if (!names_base(root_, assignment.path)) return assignment;
  const std::string key = assignment.path.back();
  assignment.path.pop_back();
  Node mapping = mapping_node(assignment.value.where);
  const Node* present = value_at(written_, assignment.path);
  if (present != nullptr && present->kind == NodeKind::mapping) mapping = *present;
  for (const char* base : {"use", "hf", "nccl_topo"}) mapping.erase(base);
  mapping.set(key, std::move(assignment.value));
  assignment.value = std::move(mapping);
  return assignment;
}

Node VariedTree::varied(const std::vector<Assignment>& point) {
  std::vector<Assignment> all = point;
  all.insert(all.end(), fixed_.begin(), fixed_.end());
  for (Assignment& one : all) one = rebased(std::move(one));
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
