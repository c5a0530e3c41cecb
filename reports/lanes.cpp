#include "reports/lanes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "reports/unit.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

struct TrackKey {
  std::string participant;
  std::string channel;
  SpanKind kind = SpanKind::other;  // send and receive apart, everything else together
};
struct TrackKeyLess {
  bool operator()(const TrackKey& a, const TrackKey& b) const {
    if (a.participant != b.participant) return natural_less(a.participant, b.participant);
    if (a.channel != b.channel) return natural_less(a.channel, b.channel);
    return a.kind < b.kind;
  }
};
using SpansByTrack = std::map<TrackKey, std::vector<TrackSpan>, TrackKeyLess>;

SpanKind kind_from(const std::string& text, const std::string& peer) {
  if (text == "send" || text == "transfer") return SpanKind::send;
  if (text == "recv" || text == "receive") return SpanKind::receive;
  if (text == "compute" || text == "reduce" || text == "copy") return SpanKind::compute;
  if (text == "forward") return SpanKind::forward;
  if (text == "backward" || text == "backward_input") return SpanKind::backward;
  if (text == "backward_weight") return SpanKind::weight_gradient;
  if (text == "forward_backward") return SpanKind::forward_backward;
  if (text == "gradients") return SpanKind::gradients;
  if (text == "optimizer") return SpanKind::optimizer;
  if (text == "left_out") return SpanKind::left_out;
  return text.empty() && !peer.empty() ? SpanKind::send : SpanKind::other;
}

SpanKind track_kind(SpanKind kind) {
  return kind == SpanKind::send || kind == SpanKind::receive ? kind : SpanKind::other;
}

// Who sends what to whom: pairs a send with its receive.
using Message =
    std::tuple<std::string, std::string, std::string, std::string>;  // from, to, channel, label

// Rows of the table as spans on tracks not yet split, with the receives that the table leaves out
// added.
class Rows {
 public:
  explicit Rows(const base::Table& table)
      : reader_(table), channel_(reader_.first_of({"channel", "stream"})) {}

  SpansByTrack spans(std::size_t& skipped) {
    SpansByTrack out;
    for (std::size_t row = 0; row < reader_.size(); ++row) {
      if (!add(row, out)) ++skipped;
    }
    for (const auto& [message, sends] : sends_) {
      if (receives_.find(message) != receives_.end()) continue;
      const auto& [from, to, channel, label] = message;
      for (TrackSpan span : sends) {
        span.kind = SpanKind::receive;
        span.peer = from;
        out[{to, channel, SpanKind::receive}].push_back(std::move(span));
      }
    }
    return out;
  }

 private:
  bool add(std::size_t row, SpansByTrack& out) {
    const std::string who = participant(row, "participant");
    const double start = reader_.number(row, "start_s");
    const double end = reader_.number(row, "end_s");
    constexpr double kLongest = 9e9;  // seconds that fit into 64 bits of nanoseconds
    if (who.empty() || !std::isfinite(start) || !std::isfinite(end) || end < start || start < 0 ||
        end > kLongest) {
      return false;
    }
    TrackSpan span;
    span.row = row;
    span.peer = participant(row, "peer");
    span.kind = kind_from(reader_.word(row, "kind"), span.peer);
    span.label = reader_.word(row, "label");
    span.bytes = reader_.number(row, "bytes");
    span.start_ns = std::llround(start * 1e9);
    span.end_ns = std::max<std::int64_t>(span.start_ns, std::llround(end * 1e9));
    const std::string channel = reader_.word(row, channel_);
    if (span.kind == SpanKind::send && !span.peer.empty()) {
      sends_[{who, span.peer, channel, span.label}].push_back(span);
    }
    if (span.kind == SpanKind::receive) receives_[{span.peer, who, channel, span.label}] = true;
    out[{who, channel, track_kind(span.kind)}].push_back(std::move(span));
    return true;
  }

  // A number is the rank of that number.
  std::string participant(std::size_t row, std::string_view column) const {
    const base::Cell& cell = reader_.cell(row, column);
    if (const auto* rank = std::get_if<std::int64_t>(&cell)) return fmt::format("rank {}", *rank);
    return cell_text(cell, Unit::plain);
  }

  TableReader reader_;
  std::string channel_;
  std::map<Message, std::vector<TrackSpan>> sends_;
  std::map<Message, bool> receives_;
};

// The spans of one track on as many lanes as overlap at most.
std::vector<std::vector<TrackSpan>> split(std::vector<TrackSpan> spans) {
  std::stable_sort(spans.begin(), spans.end(), [](const TrackSpan& a, const TrackSpan& b) {
    return std::tie(a.start_ns, a.end_ns) < std::tie(b.start_ns, b.end_ns);
  });
  std::vector<std::vector<TrackSpan>> lanes;
  for (TrackSpan& span : spans) {
    auto free = std::find_if(lanes.begin(), lanes.end(), [&](const std::vector<TrackSpan>& lane) {
      return lane.back().end_ns <= span.start_ns;
    });
    if (free == lanes.end()) free = lanes.insert(lanes.end(), std::vector<TrackSpan>{});
    free->push_back(std::move(span));
  }
  return lanes;
}

enum class Channels { one, several };

bool is_number(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string track_name(const TrackKey& key, std::size_t lane, Channels channels) {
  std::string name = key.participant;
  if (!key.channel.empty() && channels == Channels::several)
    name += fmt::format(" · {}{}", is_number(key.channel) ? "channel " : "", key.channel);
  if (key.kind != SpanKind::other) name += fmt::format(" · {}", to_text(key.kind));
  if (lane > 0) name += fmt::format(" (lane {})", lane + 1);
  return name;
}

// The k-th send of a message belongs to its k-th receive.
std::vector<Flow> flows_between(const Lanes& lanes, const std::vector<std::string>& channels) {
  struct Place {
    std::size_t track;
    std::size_t span;
    std::int64_t start;
  };
  struct Ends {
    std::vector<Place> sends;
    std::vector<Place> receives;
  };
  std::map<Message, Ends> messages;
  for (std::size_t t = 0; t < lanes.tracks.size(); ++t) {
    const Track& track = lanes.tracks[t];
    for (std::size_t s = 0; s < track.spans.size(); ++s) {
      const TrackSpan& span = track.spans[s];
      const Place place{t, s, span.start_ns};
      if (span.peer.empty()) continue;
      if (span.kind == SpanKind::send) {
        messages[{track.participant, span.peer, channels[t], span.label}].sends.push_back(place);
      } else if (span.kind == SpanKind::receive) {
        messages[{span.peer, track.participant, channels[t], span.label}].receives.push_back(place);
      }
    }
  }
  std::vector<Flow> flows;
  for (auto& [message, ends] : messages) {
    const auto earlier = [](const Place& a, const Place& b) { return a.start < b.start; };
    std::stable_sort(ends.sends.begin(), ends.sends.end(), earlier);
    std::stable_sort(ends.receives.begin(), ends.receives.end(), earlier);
    for (std::size_t i = 0; i < std::min(ends.sends.size(), ends.receives.size()); ++i) {
      flows.push_back(
          {ends.sends[i].track, ends.sends[i].span, ends.receives[i].track, ends.receives[i].span});
    }
  }
  return flows;
}

}  // namespace

std::string_view to_text(SpanKind kind) {
  switch (kind) {
    case SpanKind::send:
      return "send";
    case SpanKind::receive:
      return "receive";
    case SpanKind::compute:
      return "compute";
    case SpanKind::other:
      return "other";
    case SpanKind::forward:
      return "forward";
    case SpanKind::backward:
      return "backward";
    case SpanKind::weight_gradient:
      return "weight gradients";
    case SpanKind::forward_backward:
      return "forward and backward";
    case SpanKind::gradients:
      return "gradient reduction";
    case SpanKind::optimizer:
      return "optimizer";
    case SpanKind::left_out:
      return "left out";
  }
  return "other";
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto run = [&](std::string_view text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const std::size_t start = at;
      while (at < text.size() && digit(text[at])) ++at;
      return text.substr(start, at - start);
    };
    const std::string_view x = run(a, i);
    const std::string_view y = run(b, j);
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
  }
  if (i == a.size() && j == b.size()) return a < b;  // "07" and "7" stay apart
  return i == a.size();
}

Lanes lay_out(const base::Table& timeline) {
  Lanes lanes;
  std::vector<std::string> channels;
  auto by_track = Rows(timeline).spans(lanes.skipped);
  std::set<std::string> names;
  for (const auto& [key, spans] : by_track) names.insert(key.channel);
  const Channels naming = names.size() > 1 ? Channels::several : Channels::one;
  for (auto& [key, spans] : by_track) {
    auto split_spans = split(std::move(spans));
    for (std::size_t lane = 0; lane < split_spans.size(); ++lane) {
      lanes.tracks.push_back(
          {key.participant, track_name(key, lane, naming), std::move(split_spans[lane])});
      channels.push_back(key.channel);
    }
  }
  lanes.flows = flows_between(lanes, channels);
  return lanes;
}

}  // namespace windtunnel::reports
