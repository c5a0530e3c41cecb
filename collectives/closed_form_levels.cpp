// Closed forms of algorithms with levels: trees, hierarchical, in_network.
#include <algorithm>
#include <vector>

#include "collectives/buffers.hpp"
#include "collectives/closed_form_terms.hpp"
#include "collectives/hierarchy.hpp"
#include "collectives/tree_shape.hpp"

namespace windtunnel::collectives {
namespace {

std::size_t slot(std::int32_t index) {
  return static_cast<std::size_t>(index);
}

struct Children {
  double inside = 0.0;
  double between = 0.0;
};

bool is_inside(const ScheduleRequest& request, std::int32_t a, std::int32_t b) {
  return !request.domain.empty() && request.domain[slot(a)] == request.domain[slot(b)];
}

std::vector<Children> children_of(const ScheduleRequest& request, const RankTree& tree) {
  std::vector<Children> children(tree.parent.size());
  for (const std::int32_t rank : tree.order) {
    const std::int32_t parent = tree.parent[slot(rank)];
    if (parent < 0) continue;
    Children& count = children[slot(parent)];
    (is_inside(request, rank, parent) ? count.inside : count.between) += 1.0;
  }
  return children;
}

// The longest way between the top and a leaf; children of one parent share its port.
Terms fill_of(const ScheduleRequest& request, const UniformFabric& fabric, const RankTree& tree,
              double piece) {
  const std::vector<Children> children = children_of(request, tree);
  std::vector<Terms> way(tree.parent.size());
  Terms longest;
  for (const std::int32_t rank : tree.order) {
    const std::int32_t parent = tree.parent[slot(rank)];
    if (parent < 0) continue;
    const Children& siblings = children[slot(parent)];
    way[slot(rank)] = way[slot(parent)] + (is_inside(request, rank, parent)
                                               ? near(fabric, piece * siblings.inside)
                                               : far(fabric, piece * siblings.between));
    longest = longer(longest, way[slot(rank)]);
  }
  return longest;
}

bool by_rank(const ScheduleRequest& request) {
  return request.op == Op::all_gather || request.op == Op::reduce_scatter;
}

// Stages that a chunk passes one after the other, and what it asks of each resource that the next
// chunk queues for.
struct Pipeline {
  Terms fill;
  Terms slowest;  // message: the next chunk's on the same edge follows it
  double near_out = 0.0, near_in = 0.0, far_out = 0.0, far_in = 0.0;  // bytes of a chunk by port

  void add_inside(const Terms& stage, double out, double in) {
    fill += stage;
    near_out += out;
    near_in += in;
  }
  void pace(const Terms& message) { slowest = longer(slowest, message); }
  Terms total(const UniformFabric& fabric, double chunks) const {
    const Terms inside{0.0, near(fabric, std::max(near_out, near_in)).transfer};
    const Terms between{0.0, far(fabric, std::max(far_out, far_in)).transfer};
    return fill + (chunks - 1) * longer(slowest, longer(inside, between));
  }
};

std::int32_t tree_height(const ScheduleRequest& request) {
  std::int32_t highest = 1;
  for (const ReducingNode& node : request.switches) {
    std::int32_t height = 1;
    for (std::int32_t up = node.parent; up >= 0; up = request.switches[slot(up)].parent) ++height;
    highest = std::max(highest, height);
  }
  return highest;
}

}  // namespace

TermsAndFormula tree_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  const bool twin = request.algorithm == Algorithm::double_binary_tree;
  const std::vector<RankTree> trees =
      twin ? double_tree(request, 0) : std::vector<RankTree>{single_tree(request, 0)};
  const RankTree& tree = trees.front();
  const Range slice = part({0, request.bytes}, channels_used(request), 0, unit_of(request));
  const std::int64_t share = twin ? part(slice, 2, 0, unit_of(request)).bytes : slice.bytes;
  const auto chunks = static_cast<double>(chunk_count(request, share));
  const double piece = static_cast<double>(share) * channels_used(request) / chunks;
  const Terms fill = fill_of(request, fabric, tree, piece);
  const bool both_ways = request.op == Op::all_reduce;
  Children widest;  // of one tree
  std::vector<Children> load(
      tree.parent.size());  // pieces a chunk through each rank's ports, of all trees
  for (const RankTree& each : trees) {
    const std::vector<Children> children = children_of(request, each);
    for (const std::int32_t rank : each.order) {
      Children& sum = load[slot(rank)];
      const Children& below = children[slot(rank)];
      widest.inside = std::max(widest.inside, below.inside);
      widest.between = std::max(widest.between, below.between);
      sum.inside += below.inside;
      sum.between += below.between;
      const std::int32_t parent = each.parent[slot(rank)];
      if (both_ways && parent >= 0)
        (is_inside(request, rank, parent) ? sum.inside : sum.between) += 1.0;
    }
  }
  const auto most = [&](double Children::*kind) {
    double result = 0.0;
    for (const Children& sum : load) result = std::max(result, sum.*kind);
    return result;
  };
  const auto period = [&](double Children::*kind, auto cost) {
    if (widest.*kind == 0.0) return Terms{};
    return longer(cost(fabric, piece * widest.*kind),
                  Terms{0.0, cost(fabric, piece * most(kind)).transfer});
  };
  const Terms paced = longer(period(&Children::between, far), period(&Children::inside, near));
  const int busiest = static_cast<int>(std::max(most(&Children::between), most(&Children::inside)));
  return {(both_ways ? 2.0 : 1.0) * fill + (chunks - 1) * paced,
          "fill + (c-1) max(alpha + k s/beta, " + std::to_string(busiest) + " s/beta)"};
}

TermsAndFormula hierarchical_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  const Hierarchy hierarchy(request);
  const double domains = hierarchy.domain_count();
  const double lanes = hierarchy.lane_count();
  const auto size = static_cast<double>(request.bytes);
  const auto chunks = static_cast<double>(hierarchy_chunks(request, hierarchy));
  const double s = size / chunks;
  const double inside = (lanes - 1) / lanes * s;
  Pipeline pipeline;
  const auto stage_inside = [&] {
    if (lanes < 2) return;
    pipeline.add_inside(near(fabric, inside), inside, inside);
    pipeline.pace(near(fabric, inside));
  };
  if (request.op == Op::all_to_all) {
    Terms terms = lanes > 1 ? near(fabric, (lanes - 1) / lanes * size) : Terms{};
    if (domains > 1) terms += far(fabric, (domains - 1) / domains * size);
    return {terms, "alpha_n + (g-1)/g S/beta_n + alpha + (N-1)/N S/beta"};
  }
  if (request.op != Op::all_gather) stage_inside();
  const bool laps = by_rank(request) || request.op == Op::all_reduce;
  const double steps = (request.op == Op::all_reduce ? 2.0 : 1.0) * (domains - 1);
  const double message = laps ? s / (lanes * domains) : s / lanes;
  pipeline.fill += steps * far(fabric, message);
  pipeline.far_out = pipeline.far_in = laps ? steps * message : message;
  if (domains > 1) pipeline.pace(far(fabric, message));
  if (request.op != Op::reduce_scatter) stage_inside();
  return {pipeline.total(fabric, chunks),
          request.op == Op::all_reduce
              ? "2(alpha_n + (g-1)/g s/beta_n) + 2(N-1)(alpha + s/(g N beta)) + "
                "(c-1) busiest"
              : "stages inside and between domains + (c-1) busiest"};
}

TermsAndFormula in_network_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  const Hierarchy hierarchy(request);
  const double domains = hierarchy.domain_count();
  const double lanes = hierarchy.lane_count();
  const auto size = static_cast<double>(request.bytes);
  const auto chunks = static_cast<double>(hierarchy_chunks(request, hierarchy));
  const double s = size / chunks;
  Pipeline pipeline;
  const double lane = s / lanes;
  // The switch adds: all of it up, a lane's sum down. It multicasts: a lane up, all of it down.
  const auto over_switch = [&](double out, double in) {
    if (lanes < 2) return;
    pipeline.add_inside(near(fabric, out + in), out, in);
    pipeline.pace(near(fabric, std::max(out, in)));
  };
  const auto one_way = [&](double out, double in) {
    if (lanes > 1) pipeline.add_inside(near(fabric, std::max(out, in)), out, in);
  };
  if (request.op == Op::broadcast) one_way(s - lane, lane);
  if (request.op != Op::broadcast && request.op != Op::all_gather) over_switch(s, lane);
  if (domains > 1) {
    const double own = lane / domains;
    const double up = request.op == Op::all_gather ? own : lane;
    const double down = request.op == Op::all_gather ? lane - own : by_rank(request) ? own : lane;
    const double levels = tree_height(request);
    pipeline.fill += Terms{fabric.latency.value(), levels * (up + down) / fabric.bandwidth.value()};
    pipeline.far_out = up;
    pipeline.far_in = down;
    pipeline.pace({fabric.latency.value() / 2, far(fabric, std::max(up, down)).transfer});
  }
  if (request.op == Op::reduce) one_way(lane, s - lane);
  if (request.op != Op::reduce && request.op != Op::reduce_scatter) over_switch(lane, s);
  return {pipeline.total(fabric, chunks),
          "2 alpha_n + 2(1 + 1/g) s/beta_n + alpha + 2 s/(g beta) + (c-1) busiest"};
}

}  // namespace windtunnel::collectives
