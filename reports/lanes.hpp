// The rows of a `timeline` table laid on tracks, for the page and the trace.
//
// A track belongs to one (participant, channel, direction); spans of one track never overlap: where
// they would, the track is split into lanes, the first free lane taken (interval partitioning,
// which needs as many lanes as spans overlap at most). Times are whole nanoseconds, rounded first,
// so that the law holds for what is written and not only for what was simulated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/fact.hpp"

namespace windtunnel::reports {

// Passes and the rest of a training iteration have kinds of their own; `left_out` is a stretch that
// the table does not tell.
enum class SpanKind {
  send,
  receive,
  compute,
  other,
  forward,
  backward,
  weight_gradient,
  forward_backward,
  gradients,
  optimizer,
  left_out
};
inline constexpr int kSpanKinds = 11;
std::string_view to_text(SpanKind kind);

struct TrackSpan {
  std::size_t row = 0;  // in the table; several spans may stem from one row
  SpanKind kind = SpanKind::other;
  std::string label;
  std::string peer;
  double bytes = 0.0;  // NaN: not given
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;  // >= start_ns
};

struct Track {
  std::string participant;
  std::string name;              // "rank 3", "rank 3 · channel 1 · send", "… (lane 2)"
  std::vector<TrackSpan> spans;  // by start
};

// An arrow from a send to the receive it causes, as (track, span) indices.
struct Flow {
  std::size_t from_track = 0;
  std::size_t from_span = 0;
  std::size_t to_track = 0;
  std::size_t to_span = 0;
};

struct Lanes {
  std::vector<Track> tracks;  // by participant in natural order, then channel, then direction
  std::vector<Flow> flows;
  std::size_t skipped = 0;  // rows without a participant or with times that are no times
};

// A send whose receive is not in the table gets one on the peer's track at the same time.
Lanes lay_out(const base::Table& timeline);

// "rank 2" before "rank 10": runs of digits compare as numbers.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace windtunnel::reports
