#include "reports/views/train_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reports/palette.hpp"

namespace windtunnel::reports {
namespace {

// What a participant computes, and what it sends or reduces. Receives are the sends of others.
struct Rows {
  std::vector<TrackSpan> passes;
  std::vector<TrackSpan> communication;
};
struct NaturalLess {
  bool operator()(const std::string& a, const std::string& b) const { return natural_less(a, b); }
};
using ByParticipant = std::map<std::string, Rows, NaturalLess>;

bool is_communication(SpanKind kind) {
  return kind == SpanKind::send || kind == SpanKind::gradients;
}

bool is_pass(SpanKind kind) {
  return kind == SpanKind::forward || kind == SpanKind::backward ||
         kind == SpanKind::weight_gradient || kind == SpanKind::forward_backward;
}

void by_start(std::vector<TrackSpan>& spans) {
  std::stable_sort(spans.begin(), spans.end(),
                   [](const TrackSpan& a, const TrackSpan& b) { return a.start_ns < b.start_ns; });
}

constexpr std::int64_t kRounding = 2;  // ns

bool overlap(const std::vector<TrackSpan>& sorted) {
  return std::adjacent_find(sorted.begin(), sorted.end(),
                            [](const TrackSpan& a, const TrackSpan& b) {
                              return b.start_ns + kRounding < a.end_ns;
                            }) != sorted.end();
}

// Sends that stop the passes are drawn between them; sends beside them get a row of their own.
void put_sends_between_passes(ByParticipant& all) {
  ByParticipant together = all;
  for (auto& [name, rows] : together) {
    std::vector<TrackSpan> beside;
    for (TrackSpan& span : rows.communication) {
      auto& row = span.kind == SpanKind::send ? rows.passes : beside;
      row.push_back(std::move(span));
    }
    rows.communication = std::move(beside);
    by_start(rows.passes);
    if (overlap(rows.passes)) return;
  }
  all = std::move(together);
}

class Drawing {
 public:
  Drawing(const std::string& name, const Lanes& lanes) : out_{name, {}, span_kinds(), {}, ""} {
    for (const Track& track : lanes.tracks) {
      for (const TrackSpan& span : track.spans) add(track.participant, span);
    }
    for (auto& [who, rows] : all_) by_start(rows.passes), by_start(rows.communication);
    put_sends_between_passes(all_);
  }

  Timeline draw() {
    for (const auto& [who, rows] : all_) {
      lane_ = static_cast<int>(out_.lanes.size());
      out_.lanes.push_back(who);
      passes(rows.passes);
    }
    for (const auto& [who, rows] : all_) {
      if (rows.communication.empty()) continue;
      lane_ = static_cast<int>(out_.lanes.size());
      out_.lanes.push_back(who + " · communication");
      for (const TrackSpan& span : rows.communication) push(span);
    }
    if (left_out_) {
      out_.note =
          "Grey stretches are not shown: of a long iteration the timeline holds the passes near "
          "its "
          "beginning and its end, at the same times on every stage.";
    }
    return std::move(out_);
  }

 private:
  void add(const std::string& who, const TrackSpan& span) {
    end_ns_ = std::max(end_ns_, span.end_ns);
    left_out_ = left_out_ || span.kind == SpanKind::left_out;
    if (span.kind == SpanKind::receive) return;
    Rows& rows = all_[who];
    (is_communication(span.kind) ? rows.communication : rows.passes).push_back(span);
  }

  void push(const TrackSpan& span) {
    std::string label(to_text(span.kind));
    if (!span.label.empty()) label += ", " + span.label;
    if (!span.peer.empty()) label += ", to " + span.peer;
    out_.spans.push_back({lane_, static_cast<double>(span.start_ns) * 1e-9,
                          static_cast<double>(span.end_ns) * 1e-9, static_cast<int>(span.kind),
                          std::move(label)});
  }

  void idle(std::int64_t from, std::int64_t to) {
    if (to - from <= end_ns_ / 20'000 + kRounding) return;  // less than a hair on the page
    out_.spans.push_back({lane_, static_cast<double>(from) * 1e-9, static_cast<double>(to) * 1e-9,
                          kIdleKind, "idle"});
  }

  void passes(const std::vector<TrackSpan>& spans) {
    std::int64_t last = 0;
    for (const TrackSpan& span : spans) {
      idle(last, span.start_ns);
      push(span);
      last = std::max(last, span.end_ns);
    }
    idle(last, end_ns_);
  }

  Timeline out_;
  ByParticipant all_;
  std::int64_t end_ns_ = 0;
  bool left_out_ = false;
  int lane_ = 0;
};

}  // namespace

std::vector<TimelineKind> span_kinds() {
  std::vector<TimelineKind> kinds;
  for (int i = 0; i < kSpanKinds; ++i) {
    // send, receive, compute, other, then the kinds of training
    constexpr int kColors[kSpanKinds]{0, 5, 4, kGreyColor, 0, 4, 1, 2, 6, 5, kGreyColor};
    kinds.push_back({std::string(to_text(static_cast<SpanKind>(i))), kColors[i]});
  }
  kinds.push_back({"idle", kIdleColor});
  return kinds;
}

bool is_training(const Lanes& lanes) {
  return std::any_of(lanes.tracks.begin(), lanes.tracks.end(), [](const Track& track) {
    return std::any_of(track.spans.begin(), track.spans.end(),
                       [](const TrackSpan& span) { return is_pass(span.kind); });
  });
}

Timeline training_timeline(const std::string& name, const Lanes& lanes) {
  Timeline out = Drawing(name, lanes).draw();
  // Forward passes are blue here, so a send is not.
  out.kinds[static_cast<std::size_t>(SpanKind::send)].color = 3;
  out.kinds[static_cast<std::size_t>(kIdleKind)].name = "idle (bubble)";
  return out;
}

}  // namespace windtunnel::reports
