#include "sim/engine/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "sim/base/contract.hpp"

namespace windtunnel::sim {

void Timeline::add(const Span& span) {
  base::expects(span.start <= span.end, "a span ends no earlier than it starts");
  spans_.push_back(span);
}

void Timeline::add(const Flow& flow) {
  base::expects(flow.sent <= flow.received, "a flow is received no earlier than it is sent");
  flows_.push_back(flow);
}

base::Seconds Timeline::end() const {
  base::Seconds last{0};
  for (const Span& span : spans_) last = base::max(last, span.end);
  for (const Flow& flow : flows_) last = base::max(last, flow.received);
  return last;
}

base::Seconds Timeline::busy(EndpointId endpoint, int stream) const {
  base::Seconds total{0};
  for (const Span& span : spans_) {
    if (span.endpoint == endpoint && span.stream == stream) total += span.end - span.start;
  }
  return total;
}

std::optional<std::string> Timeline::overlap() const {
  std::vector<const Span*> order;
  order.reserve(spans_.size());
  for (const Span& span : spans_) order.push_back(&span);
  std::sort(order.begin(), order.end(), [](const Span* a, const Span* b) {
    return std::tie(a->endpoint, a->stream, a->start, a->end) <
           std::tie(b->endpoint, b->stream, b->start, b->end);
  });
  constexpr double kRounding = 1e-12;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Span& first = *order[i - 1];
    const Span& second = *order[i];
    if (first.endpoint != second.endpoint || first.stream != second.stream) continue;
    if (second.start >= first.end * (1.0 - kRounding)) continue;
    return fmt::format(
        "'{}' ({} to {} s) and '{}' ({} to {} s) overlap on stream {} of endpoint {}",
        text(first.label), first.start.value(), first.end.value(), text(second.label),
        second.start.value(), second.end.value(), first.stream, first.endpoint.index());
  }
  return std::nullopt;
}

}  // namespace windtunnel::sim
