#include "strategies/serve/traffic.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "sim/base/contract.hpp"
#include "sim/base/random.hpp"
#include "strategies/serve/arrival_times.hpp"
#include "strategies/serve/length_draw.hpp"

namespace windtunnel::strategies {
namespace {

std::size_t at(std::int64_t index) {
  return static_cast<std::size_t>(index);
}

struct Streams {
  explicit Streams(std::uint64_t seed)
      : arrivals(seed, "serve arrivals"),
        inputs(seed, "serve input lengths"),
        outputs(seed, "serve output lengths"),
        prefixes(seed, "serve prefixes"),
        contents(seed, "serve contents"),
        thinking(seed, "serve think times"),
        priorities(seed, "serve priorities") {}
  base::RandomStream arrivals, inputs, outputs, prefixes, contents, thinking, priorities;
};

// Turn t of conversation s is request t * sessions + s, so that first turns,
// which arrive by themselves, come first.
std::int64_t session_count(const ServeWorkload& workload) {
  const std::int64_t turns = std::max<std::int64_t>(workload.conversations.turns, 1);
  return (workload.arrivals.requests + turns - 1) / turns;
}

void draw_lengths(const ServeWorkload& workload, Streams& streams, std::vector<Request>& requests) {
  const LengthDraw input(workload.input), output(workload.output);
  const bool prefixed = workload.shared_prefix.tokens > 0;
  const std::int64_t groups = std::max<std::int64_t>(workload.shared_prefix.groups, 1);
  for (Request& request : requests) {
    request.input_tokens = input.next(streams.inputs);
    request.output_tokens = output.next(streams.outputs);
    if (!prefixed) continue;
    request.prefix_id = streams.prefixes.below(groups);
    request.prefix_tokens = std::min(workload.shared_prefix.tokens, request.input_tokens);
  }
}

// With probability repeated_share a request asks what one of the different
// requests before it has asked, each as likely.
void draw_contents(double repeated_share, Streams& streams, std::vector<Request>& requests) {
  if (repeated_share <= 0) return;
  std::vector<std::int64_t> asked;
  for (std::int64_t i = 0; i < std::ssize(requests); ++i) {
    Request& request = requests[at(i)];
    const bool repeats = streams.contents.uniform() < repeated_share;
    request.content = i;
    if (!repeats || asked.empty()) {
      asked.push_back(i);
      continue;
    }
    const Request& first = requests[at(asked[at(streams.contents.below(std::ssize(asked)))])];
    request.content = first.content;
    request.input_tokens = first.input_tokens;
    request.output_tokens = first.output_tokens;
    request.prefix_id = first.prefix_id;
    request.prefix_tokens = first.prefix_tokens;
  }
}

void draw_priorities(const std::vector<double>& shares, Streams& streams,
                     std::vector<Request>& requests) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  if (sum <= 0) return;
  for (Request& request : requests) {
    double left = streams.priorities.uniform() * sum;
    request.priority = std::ssize(shares);
    for (std::size_t level = 0; level < shares.size(); ++level) {
      if ((left -= shares[level]) >= 0) continue;
      request.priority = static_cast<std::int64_t>(level) + 1;
      break;
    }
  }
}

// What a turn adds was drawn as its input; the whole of the turn before goes in
// front.
void join_turns(const ServeWorkload& workload, Streams& streams, Traffic& traffic) {
  const Conversations& talk = workload.conversations;
  if (talk.turns <= 1) return;
  const std::int64_t sessions = session_count(workload);
  for (std::int64_t i = 0; i < std::ssize(traffic.requests); ++i) {
    Request& request = traffic.requests[at(i)];
    request.session = i % sessions;
    request.turn = i / sessions;
    if (request.turn == 0) continue;
    const Request& before = traffic.requests[at(i - sessions)];
    traffic.follows[at(i)] = i - sessions;
    request.arrival = kNever;
    request.input_tokens =
        std::min(before.input_tokens + before.output_tokens + request.input_tokens, kLongestLength);
    request.prefix_id = before.prefix_id;
    request.prefix_tokens = before.prefix_tokens;
    request.priority = before.priority;
    if (talk.think > base::Seconds(0)) {
      request.think = base::Seconds(streams.thinking.exponential(talk.think.value()));
    }
  }
}

// Each client holds its conversations (or single requests) one after another.
void follow_clients(std::int64_t clients, std::int64_t sessions, Traffic& traffic) {
  std::vector<std::int64_t> last(at(sessions), -1);  // request of a session
  for (std::int64_t i = 0; i < std::ssize(traffic.requests); ++i) last[at(i % sessions)] = i;
  for (std::int64_t session = 0; session < sessions; ++session) {
    const bool first = session < clients;
    traffic.requests[at(session)].arrival = first ? base::Seconds(0) : kNever;
    if (!first) traffic.follows[at(session)] = last[at(session - clients)];
  }
}

void set_arrivals(const ServeWorkload& workload, Streams& streams, std::int64_t sessions,
                  Traffic& traffic) {
  const Arrivals& arrivals = workload.arrivals;
  if (arrivals.process == ArrivalProcess::multi_stream) {
    for (Request& request : traffic.requests) {
      request.samples = std::max<std::int64_t>(arrivals.query_samples, 1);
    }
  }
  if (workload.mode == ServeMode::offline) {
    for (std::int64_t i = 0; i < sessions; ++i) traffic.requests[at(i)].arrival = base::Seconds(0);
    return;
  }
  const std::int64_t clients = waiting_clients(arrivals);
  if (clients > 0) return follow_clients(clients, sessions, traffic);
  const std::vector<base::Seconds> times = arrival_times(arrivals, sessions, streams.arrivals);
  for (std::int64_t i = 0; i < sessions; ++i) traffic.requests[at(i)].arrival = times[at(i)];
}

// Arrivals that do not need a rate, or are given one, are the scenario's; else
// the trace's.
bool keeps_times(const ServeWorkload& workload) {
  if (workload.mode == ServeMode::offline) return false;
  const Arrivals& arrivals = workload.arrivals;
  return arrivals.process != ArrivalProcess::all_at_once &&
         arrivals.process != ArrivalProcess::offline && waiting_clients(arrivals) == 0 &&
         arrivals.rate <= 0;
}

// Turns without a time of their own wait for the turn before; without such a
// turn they arrive at 0.
void follow_turns(Traffic& traffic) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> turns;
  for (std::int64_t i = 0; i < std::ssize(traffic.requests); ++i) {
    const Request& request = traffic.requests[at(i)];
    if (request.session >= 0) turns[{request.session, request.turn}] = i;
  }
  for (std::int64_t i = 0; i < std::ssize(traffic.requests); ++i) {
    Request& request = traffic.requests[at(i)];
    if (request.arrival < kNever) continue;
    const auto before = turns.find({request.session, request.turn - 1});
    if (request.session >= 0 && before != turns.end()) {
      traffic.follows[at(i)] = before->second;
    } else {
      request.arrival = base::Seconds(0);
    }
  }
}

void sort_by_arrival(std::vector<Request>& requests) {
  const auto earlier = [](const Request& a, const Request& b) {
    return a.arrival != b.arrival ? a.arrival < b.arrival : a.id < b.id;
  };
  if (!std::is_sorted(requests.begin(), requests.end(), earlier)) {
    std::stable_sort(requests.begin(), requests.end(), earlier);
  }
}

Traffic replay(const ServeWorkload& workload, Streams& streams) {
  Traffic traffic{*workload.trace, {}};
  traffic.follows.assign(traffic.requests.size(), -1);
  const bool kept = keeps_times(workload);
  if (kept) sort_by_arrival(traffic.requests);
  for (std::int64_t i = 0; i < std::ssize(traffic.requests); ++i) traffic.requests[at(i)].id = i;
  if (kept) {
    follow_turns(traffic);
  } else {
    set_arrivals(workload, streams, std::ssize(traffic.requests), traffic);
  }
  return traffic;
}

}  // namespace

Traffic make_traffic(const ServeWorkload& workload, std::uint64_t seed) {
  Streams streams(seed);
  if (workload.trace) return replay(workload, streams);
  base::expects(workload.arrivals.requests >= 0, "requests are counted from 0");
  Traffic traffic;
  traffic.requests.resize(at(workload.arrivals.requests));
  if (traffic.requests.empty()) return traffic;
  traffic.follows.assign(traffic.requests.size(), -1);
  for (std::int64_t i = 0; i < std::ssize(traffic.requests); ++i) traffic.requests[at(i)].id = i;
  draw_lengths(workload, streams, traffic.requests);
  draw_contents(workload.repeated_share, streams, traffic.requests);
  draw_priorities(workload.priority_shares, streams, traffic.requests);
  join_turns(workload, streams, traffic);
  set_arrivals(workload, streams, session_count(workload), traffic);
  return traffic;
}

}  // namespace windtunnel::strategies
