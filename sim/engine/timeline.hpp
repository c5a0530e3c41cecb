// What happened when: spans of work on streams, flows from a sender to a receiver, counters over
// time.
//
// Contract: whoever records holds a `Timeline*`; null is "off" and costs a test. Times are those of
// the engine's clock. Records are in order of recording, which an engine makes the order of their
// ends. Invariant, checked by overlap(): no two spans of one stream of one endpoint overlap.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/quantity.hpp"
#include "sim/engine/label_table.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::sim {

// `label` says what it was ("forward 3"), `category` which sort of work ("compute"): labels of the
// timeline.
struct Span {
  EndpointId endpoint;
  int stream = 0;
  LabelId label;
  LabelId category;
  base::Seconds start{0};
  base::Seconds end{0};
};

struct Flow {
  EndpointId from;
  EndpointId to;
  LabelId label;
  LabelId category;
  base::Bytes bytes{0};
  base::Seconds sent{0};
  base::Seconds received{0};
};

// A value that holds from `time` on, of something that is counted at an endpoint (queue length,
// memory).
struct CounterSample {
  EndpointId endpoint;
  LabelId counter;
  base::Seconds time{0};
  double value = 0.0;
};

class Timeline {
 public:
  LabelId label(std::string_view text) { return labels_.intern(text); }
  const std::string& text(LabelId label) const { return labels_.text(label); }

  void add(const Span& span);  // start <= end
  void add(const Flow& flow);  // sent <= received
  void add(const CounterSample& sample) { counters_.push_back(sample); }

  const std::vector<Span>& spans() const { return spans_; }
  const std::vector<Flow>& flows() const { return flows_; }
  const std::vector<CounterSample>& counters() const { return counters_; }

  // End of the last span or flow; 0 where there is none.
  base::Seconds end() const;
  // Time that a stream was working.
  base::Seconds busy(EndpointId endpoint, int stream) const;
  // A sentence about the first two spans that overlap on one stream; nothing where none do. Spans
  // may touch, and differ by rounding (1e-12 of the end). O(n log n).
  std::optional<std::string> overlap() const;

 private:
  LabelTable labels_;
  std::vector<Span> spans_;
  std::vector<Flow> flows_;
  std::vector<CounterSample> counters_;
};

}  // namespace windtunnel::sim
