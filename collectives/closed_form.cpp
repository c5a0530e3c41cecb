#include "collectives/closed_form.hpp"

#include <algorithm>
#include <limits>

#include "collectives/buffers.hpp"
#include "collectives/closed_form_terms.hpp"
#include "collectives/fold.hpp"
#include "collectives/ring_order.hpp"

namespace windtunnel::collectives {
namespace {

double largest_part(const ScheduleRequest& request) {
  return static_cast<double>(send_block(request, 0).bytes);
}

// A chain of neighbours passes inside domains and between them; the slower sort sets the pace.
Terms hop(const ScheduleRequest& request, const UniformFabric& fabric, double bytes) {
  const std::size_t domains = domains_of(request).size();
  const Terms between = far(fabric, bytes);
  const Terms inside = near(fabric, bytes);
  if (domains == 1) return inside;
  return domains == static_cast<std::size_t>(request.ranks) ? between : longer(between, inside);
}

TermsAndFormula ring_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  const double n = request.ranks;
  const double part_bytes = largest_part(request);
  const auto size = static_cast<double>(request.bytes);
  const std::int32_t channels = channels_used(request);
  switch (request.op) {
    case Op::all_reduce:
    case Op::all_gather:
    case Op::reduce_scatter: {
      const bool twice = request.op == Op::all_reduce;
      const Range slice = part(send_block(request, 0), channels, 0, unit_of(request));
      const auto loops = static_cast<double>(chunk_count(request, slice.bytes));
      return {(twice ? 2.0 : 1.0) * (n - 1) * loops * hop(request, fabric, part_bytes / loops),
              twice ? "2(n-1)(alpha + S/(n beta))" : "(n-1)(alpha + S/(n beta))"};
    }
    case Op::broadcast:
    case Op::reduce: {
      const Range slice = part({0, request.bytes}, channels, 0, unit_of(request));
      const auto chunks = static_cast<double>(chunk_count(request, slice.bytes));
      // A chain that ends in the root's domain leaves it first, and comes back.
      const auto domains = static_cast<double>(domains_of(request).size());
      const bool returns = request.op == Op::reduce && domains > 1 && domains < n;
      const double gaps = returns ? domains : domains - 1;
      const double piece = size / chunks;
      const Terms fill = gaps * far(fabric, piece) + (n - 1 - gaps) * near(fabric, piece);
      return {fill + (chunks - 1) * hop(request, fabric, piece), "(n-2+c)(alpha + S/(c beta))"};
    }
    case Op::all_to_all: {
      Terms terms;
      for (std::int32_t left = 1; left < request.ranks; ++left) {
        terms += hop(request, fabric, left * size / n);
      }
      return {terms, "(n-1) alpha + (n-1) S/(2 beta)"};
    }
    case Op::send_recv:
      return {hop(request, fabric, size), "alpha + S/beta"};
  }
  return {};
}

// Ranks of a domain, if all have as many; else 1, as if everything were far.
double domain_size(const ScheduleRequest& request) {
  const auto domains = domains_of(request);
  const std::size_t size = domains.front().size();
  const bool alike =
      std::ranges::all_of(domains, [size](const auto& d) { return d.size() == size; });
  return alike ? static_cast<double>(size) : 1.0;
}

// `bytes` to or from each other rank at the same time, over the ports inside and between domains.
Terms to_all(const ScheduleRequest& request, const UniformFabric& fabric, double bytes) {
  const double size = domain_size(request);
  const Terms inside = near(fabric, (size - 1) * bytes);
  const Terms between = far(fabric, (request.ranks - size) * bytes);
  if (size >= request.ranks) return inside;
  return size > 1.0 ? longer(between, inside) : between;
}

// A step of partners this far apart, neighbours being of one domain.
Terms step(const ScheduleRequest& request, const UniformFabric& fabric, std::int32_t distance,
           double bytes) {
  return distance < domain_size(request) ? near(fabric, bytes) : far(fabric, bytes);
}

// Steps of the groups that recursive doubling makes; numbers below the remainder stand for two
// ranks.
Terms doubling_steps(const ScheduleRequest& request, const UniformFabric& fabric) {
  const Fold fold(request.ranks);
  const Range whole{0, request.bytes};
  Terms terms;
  for (std::int32_t distance = 1; distance < fold.power(); distance *= 2) {
    const Range held = parts(whole, request.ranks, 0, fold.first_part(distance), unit_of(request));
    terms += step(request, fabric, distance, static_cast<double>(held.bytes));
  }
  return terms;
}

// Folding the remainder in with `in` bytes and out with `out`.
Terms folding(const ScheduleRequest& request, const UniformFabric& fabric, double in, double out) {
  if (Fold(request.ranks).remainder() == 0) return {};
  return step(request, fabric, 1, in) + step(request, fabric, 1, out);
}

TermsAndFormula recursive_doubling_form(const ScheduleRequest& request,
                                        const UniformFabric& fabric) {
  const auto size = static_cast<double>(request.bytes);
  if (request.op == Op::all_gather) {
    return {doubling_steps(request, fabric) + folding(request, fabric, largest_part(request), size),
            "log2(p) alpha + (p-1)/p S/beta"};
  }
  Terms terms = folding(request, fabric, size, size);
  for (std::int32_t distance = 1; distance < Fold(request.ranks).power(); distance *= 2) {
    terms += step(request, fabric, distance, size);
  }
  return {terms, "log2(p) (alpha + S/beta)"};
}

TermsAndFormula halving_doubling_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  const auto size = static_cast<double>(request.bytes);
  if (request.op == Op::all_gather) return recursive_doubling_form(request, fabric);
  if (request.op == Op::reduce_scatter) {
    return {doubling_steps(request, fabric) + folding(request, fabric, size, largest_part(request)),
            "log2(p) alpha + (p-1)/p S/beta"};
  }
  Terms terms = folding(request, fabric, size, size);
  double half = size / 2.0;
  for (std::int32_t distance = 1; distance < Fold(request.ranks).power(); distance *= 2) {
    terms += 2.0 * step(request, fabric, distance, half);
    half /= 2.0;
  }
  return {terms, "2 log2(p) alpha + 2 (p-1)/p S/beta"};
}

TermsAndFormula direct_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  const auto size = static_cast<double>(request.bytes);
  switch (request.op) {
    case Op::all_reduce:
      return {2.0 * to_all(request, fabric, largest_part(request)), "2(alpha + (n-1) S/(n beta))"};
    case Op::all_gather:
    case Op::reduce_scatter:
    case Op::all_to_all:
      return {to_all(request, fabric, largest_part(request)), "alpha + (n-1) S/(n beta)"};
    case Op::broadcast:
    case Op::reduce:
      return {to_all(request, fabric, size), "alpha + (n-1) S/beta"};
    case Op::send_recv:
      return {far(fabric, size), "alpha + S/beta"};
  }
  return {};
}

TermsAndFormula parameter_server_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  const auto size = static_cast<double>(request.bytes);
  const std::int32_t servers = std::clamp(request.servers, 1, request.ranks);
  const double shard =
      static_cast<double>(part({0, request.bytes}, servers, 0, unit_of(request)).bytes);
  const double worker = servers < request.ranks ? size : size - shard;
  const Terms way = longer(to_all(request, fabric, shard), hop(request, fabric, worker));
  Terms handing{};
  if (servers > 1 && request.op != Op::all_reduce) handing = far(fabric, size - shard);
  return {(request.op == Op::all_reduce ? 2.0 : 1.0) * way + handing,
          request.op == Op::all_reduce ? "2(alpha + max((n-1) S/k, S)/beta)"
                                       : "alpha + max((n-1) S/k, S)/beta"};
}

TermsAndFormula form(const ScheduleRequest& request, const UniformFabric& fabric) {
  switch (request.algorithm) {
    case Algorithm::automatic:
      break;
    case Algorithm::ring:
      return ring_form(request, fabric);
    case Algorithm::tree:
    case Algorithm::double_binary_tree:
      return tree_form(request, fabric);
    case Algorithm::recursive_doubling:
      return recursive_doubling_form(request, fabric);
    case Algorithm::halving_doubling:
      return halving_doubling_form(request, fabric);
    case Algorithm::direct:
      return direct_form(request, fabric);
    case Algorithm::pairwise:
      return {(domain_size(request) - 1) * near(fabric, largest_part(request)) +
                  (request.ranks - domain_size(request)) * far(fabric, largest_part(request)),
              "(n-1)(alpha + S/(n beta))"};
    case Algorithm::parameter_server:
      return parameter_server_form(request, fabric);
    case Algorithm::hierarchical:
      return hierarchical_form(request, fabric);
    case Algorithm::in_network:
      return in_network_form(request, fabric);
  }
  return {};
}

bool is_pipelined(const ScheduleRequest& request) {
  switch (request.algorithm) {
    case Algorithm::ring:
      return request.op == Op::broadcast || request.op == Op::reduce;
    case Algorithm::tree:
    case Algorithm::double_binary_tree:
      return true;
    case Algorithm::hierarchical:
      return request.op != Op::all_to_all;
    case Algorithm::in_network:
      return true;
    default:
      return false;
  }
}

}  // namespace

UniformFabric uniform_fabric(const sim::Network& network, const Placement& placement,
                             std::int32_t ranks) {
  UniformFabric fabric;
  UniformFabric found{.latency = base::Seconds(-1), .near_latency = base::Seconds(-1)};
  for (std::int32_t r = 0; r < ranks && ranks > 1; ++r) {
    const auto self = static_cast<std::size_t>(r);
    const auto next = static_cast<std::size_t>((r + 1) % ranks);
    const sim::Route route = network.route(placement.endpoints[self], placement.endpoints[next]);
    const bool inside = placement.domain[self] == placement.domain[next];
    base::Seconds& latency = inside ? found.near_latency : found.latency;
    base::BytesPerSecond& bandwidth = inside ? found.near_bandwidth : found.bandwidth;
    latency = base::max(latency, route.latency);
    bandwidth = base::min(bandwidth, route.bandwidth);
  }
  fabric = found;
  if (found.latency < base::Seconds(0)) {
    fabric.latency = found.near_latency;
    fabric.bandwidth = found.near_bandwidth;
  }
  if (found.near_latency < base::Seconds(0)) {
    fabric.near_latency = found.latency;
    fabric.near_bandwidth = found.bandwidth;
  }
  return ranks > 1 ? fabric : UniformFabric{};
}

std::optional<ClosedForm> closed_form(const ScheduleRequest& request, const UniformFabric& fabric) {
  if (request.algorithm == Algorithm::automatic || !supports(request.op, request.algorithm)) {
    return std::nullopt;
  }
  if (request.ranks < 2) return ClosedForm{.formula = "0"};
  const TermsAndFormula result = form(request, fabric);
  return ClosedForm{.time = base::Seconds(result.terms.time()),
                    .latency = base::Seconds(result.terms.latency),
                    .transfer = base::Seconds(result.terms.transfer),
                    .formula = result.formula};
}

std::int64_t best_chunk(const ScheduleRequest& request, const UniformFabric& fabric) {
  constexpr std::int64_t kSmallest = 4096;
  constexpr std::int64_t kMostMessages = 10'000'000;
  std::int64_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  if (!is_pipelined(request) || request.ranks < 2) return best;
  for (std::int64_t pieces = 1; pieces == 1 || request.bytes / pieces >= kSmallest; pieces *= 2) {
    ScheduleRequest tried = request;
    tried.chunk_bytes = pieces == 1 ? 0 : (request.bytes + pieces - 1) / pieces;
    if (message_bound(tried) > kMostMessages) break;
    const double time = form(tried, fabric).terms.time();
    if (time >= least) continue;
    least = time;
    best = tried.chunk_bytes;
  }
  return best;
}

}  // namespace windtunnel::collectives
