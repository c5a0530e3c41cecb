#include "scenarios/serve_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const Node* below(const Node& node, std::string_view first, std::string_view second) {
  const Node* part = node.find(first);
  return part == nullptr ? nullptr : part->find(second);
}

class ServeChecks {
 public:
  ServeChecks(const Node& given, const Node& resolved, base::Diagnostics& diagnostics)
      : given_(given),
        workload_(*resolved.find("workload")),
        strategy_(*resolved.find("strategy")),
        diagnostics_(diagnostics) {}

  void run() {
    arrivals();
    warmup();
    priorities();
    disaggregation();
    autoscale();
    speculation();
    batching();
    cache();
  }

 private:
  void error(const Node& at, std::string message) {
    diagnostics_.error(at.where, std::move(message));
  }

  bool has_trace() const { return workload_.find("trace") != nullptr; }

  void arrivals() {
    const Node& arrivals = *workload_.find("arrivals");
    const Node& process = *arrivals.find("process");
    const Node& mode = *workload_.find("mode");
    const bool waits = one_of(process.text, {"closed_loop"});
    if (waits && arrivals.find("concurrency") == nullptr) {
      error(process, "closed_loop needs 'concurrency': how many clients there are");
    }
    if (!waits && arrivals.find("concurrency") != nullptr) {
      error(*arrivals.find("concurrency"),
            fmt::format("'concurrency' is of closed_loop, not of {}: leave it out or make the "
                        "process closed_loop",
                        process.text));
    }
    if (mode.text == "offline" && arrivals.find("rate") != nullptr) {
      error(*arrivals.find("rate"), "mode offline has all requests at time 0 and takes no rate");
    }
    const bool timed =
        one_of(process.text, {"poisson", "gamma", "constant", "burst", "diurnal", "server"});
    if (timed && mode.text == "online" && !has_trace() && arrivals.find("rate") == nullptr) {
      error(arrivals,
            fmt::format("workload.arrivals of process {} needs a 'rate' (4/s)", process.text));
    }
    if (has_trace() && below(*given_.find("workload"), "arrivals", "requests") != nullptr) {
      error(*arrivals.find("requests"),
            "the trace states how many requests there are: leave "
            "'requests' out");
    }
    if (has_trace() && workload_.find("lengths") != nullptr) {
      error(*workload_.find("lengths"), "the trace states the lengths: leave 'lengths' out");
    }
  }

  void warmup() {
    const Node& warmup = *workload_.find("warmup_requests");
    const Node& requests = *workload_.find("arrivals")->find("requests");
    if (has_trace() || checked_integer(warmup) == 0) return;
    if (checked_integer(warmup) >= checked_integer(requests)) {
      error(warmup, fmt::format("warmup_requests is {} of {} requests: none is left to measure",
                                warmup.text, requests.text));
    }
  }

  void priorities() {
    const Node& queue = *strategy_.find("batching")->find("queue");
    const std::int64_t levels = checked_integer(*queue.find("priority_levels"));
    const Node& standard = *queue.find("default_priority");
    if (checked_integer(standard) > levels) {
      error(standard, fmt::format("default_priority is {}, where there are {} priority_levels",
                                  standard.text, levels));
    }
    const Node& shares = *workload_.find("priority_shares");
    double sum = 0;
    for (const Node& share : shares.items) sum += checked_number(share, number_type({}));
    if (!shares.items.empty() && std::abs(sum - 1) > 1e-6) {
      error(shares, fmt::format("priority_shares add up to {:.6g}; they have to add up to 1", sum));
    }
    if (std::ssize(shares.items) > levels && !shares.items.empty()) {
      error(shares, fmt::format("{} priority_shares, where strategy.batching.queue has {} "
                                "priority_levels",
                                shares.items.size(), levels));
    }
  }

  void disaggregation() {
    const Node& split = *strategy_.find("disaggregate");
    const std::int64_t prefill = checked_integer(*split.find("prefill"));
    const std::int64_t decode = checked_integer(*split.find("decode"));
    if (prefill == 0 && decode == 0) return;
    if (prefill == 0 || decode == 0) {
      error(split, fmt::format("disaggregate needs engines of both kinds; it has {} prefill and {} "
                               "decode",
                               prefill, decode));
      return;
    }
    const Node* replicas = below(given_, "strategy", "replicas");
    const Node& resolved = *strategy_.find("replicas");
    // 1 is the default, and stands in a scenario that was resolved.
    const std::int64_t stated = checked_integer(resolved);
    if (replicas != nullptr && stated != prefill + decode && stated != 1) {
      error(resolved, fmt::format("disaggregate states the engines ({} prefill and {} decode): "
                                  "leave 'replicas' out",
                                  prefill, decode));
    }
    if (!strategy_.find("pools")->items.empty()) {
      error(split, "disaggregate and pools do not go together");
    }
    const Node& most = *strategy_.find("autoscale")->find("max");
    if (checked_integer(most) > 0) error(most, "disaggregate and autoscale do not go together");
  }

  void autoscale() {
    const Node& scale = *strategy_.find("autoscale");
    const std::int64_t least = checked_integer(*scale.find("min"));
    const std::int64_t most = checked_integer(*scale.find("max"));
    const Node& replicas = *strategy_.find("replicas");
    if (most == 0) {
      if (least > 0) error(*scale.find("min"), "autoscale needs 'max' beside 'min'");
      return;
    }
    if (least > most) {
      error(*scale.find("min"), fmt::format("autoscale.min is {}, more than max {}", least, most));
      return;
    }
    const std::int64_t first = checked_integer(replicas);
    if (first < least || first > most) {
      error(replicas, fmt::format("{} replicas to begin with lie outside autoscale's {} to {}",
                                  first, least, most));
    }
    if (checked_number(*scale.find("target"), number_type({})) <= 0) {
      error(scale, "autoscale needs a 'target': requests in a replica that it aims at");
    }
  }

  void speculation() {
    const Node& speculative = *strategy_.find("speculative");
    const Node& draft = *speculative.find("draft");
    const Node& time = *speculative.find("draft_time");
    if (checked_integer(*speculative.find("tokens")) == 0 && draft.text != "none") {
      error(draft, "a draft model without 'tokens': how many it drafts a step");
    }
    const double seconds = checked_number(time, quantity_type(base::Dimension::time));
    if (draft.text != "none" && seconds > 0) {
      error(time, "draft_time is for drafting without a model: leave it out, or 'draft'");
    }
  }

  void batching() {
    const Node& batching = *strategy_.find("batching");
    const std::int64_t most = checked_integer(*batching.find("max_batch"));
    for (const char* key : {"preferred_sizes", "allowed_sizes"}) {
      for (const Node& size : batching.find(key)->items) {
        if (checked_integer(size) <= most) continue;
        error(size, fmt::format("{} has {}, more than max_batch {}", key, size.text, most));
      }
    }
    const Node& allowed = *batching.find("allowed_sizes");
    std::int64_t before = 0;
    for (const Node& size : allowed.items) {
      if (checked_integer(size) <= before) {
        error(size, "allowed_sizes have to rise, as TensorFlow Serving asks");
        return;
      }
      before = checked_integer(size);
    }
    if (!allowed.items.empty() && before != most) {
      error(allowed,
            fmt::format("the last of allowed_sizes has to be max_batch ({}), as TensorFlow "
                        "Serving asks",
                        most));
    }
  }

  void cache() {
    const Node& kv = *strategy_.find("kv");
    const double host =
        checked_number(*kv.find("host_memory"), quantity_type(base::Dimension::bytes));
    const Node& preemption = *kv.find("preemption");
    if (preemption.text == "swap" && host <= 0) {
      error(preemption, "preemption swap needs kv.host_memory: where the blocks go");
    }
    const Node& warm = *kv.find("warm");
    if (warm.text == "true" && kv.find("prefix_caching")->text == "false") {
      error(warm, "a warm cache needs prefix_caching");
    }
  }

  const Node& given_;
  const Node& workload_;
  const Node& strategy_;
  base::Diagnostics& diagnostics_;
};

bool check_empirical(const Node& weights, const std::string& name, base::Diagnostics& diagnostics) {
  double sum = 0;
  for (const Entry& entry : weights.entries) {
    if (!length_key(entry.key)) {
      diagnostics.error(entry.where, fmt::format("{}: '{}' has to be a length, a whole number of "
                                                 "tokens from 1",
                                                 name, entry.key));
      return false;
    }
    sum += checked_number(entry.value, number_type({}));
  }
  if (sum > 0) return true;
  diagnostics.error(weights.where, name + ": the weights add up to 0");
  return false;
}

}  // namespace

bool check_length(const Node& node, const std::string& name, base::Diagnostics& diagnostics) {
  if (node.entries.size() != 1) {
    diagnostics.error(node.where, fmt::format("{} has to be one distribution (constant, normal, "
                                              "lognormal, uniform or empirical), not {}",
                                              name, node.entries.size()));
    return false;
  }
  const Entry& one = node.entries.front();
  if (one.key == "empirical") return check_empirical(one.value, name, diagnostics);
  if (one.key != "uniform") return true;
  const Node& least = *one.value.find("min");
  const Node& most = *one.value.find("max");
  if (checked_integer(least) <= checked_integer(most)) return true;
  diagnostics.error(least.where, fmt::format("{}.uniform.min is {}, more than max {}", name,
                                             least.text, most.text));
  return false;
}

void check_serve(const Node& given, const Node& resolved, base::Diagnostics& diagnostics) {
  ServeChecks(given, resolved, diagnostics).run();
}

bool check_lengths(const Node& resolved, base::Diagnostics& diagnostics) {
  const bool input = check_length(*resolved.find("input"), "workload.lengths.input", diagnostics);
  const bool output =
      check_length(*resolved.find("output"), "workload.lengths.output", diagnostics);
  return input && output;
}

void check_trace(const NamedTrace& named, const strategies::ServeWorkload& workload,
                 base::Diagnostics& diagnostics) {
  if (named.trace == nullptr) return;
  const auto fail = [&](std::string message) {
    diagnostics.error(named.path.where, std::move(message));
  };
  if (workload.warmup_requests >= std::ssize(*named.trace)) {
    fail(fmt::format("warmup_requests is {} of the trace's {} requests: none is left to measure",
                     workload.warmup_requests, named.trace->size()));
  }
  if (workload.shared_prefix.tokens > 0) fail("a trace states prefixes itself: no shared_prefix");
  if (workload.conversations.turns > 1) fail("a trace has no conversations to add");
  if (workload.repeated_share > 0) fail("a trace states what repeats: no repeated_share");
  if (!workload.priority_shares.empty()) fail("a trace takes no priority_shares");
}

}  // namespace windtunnel::scenarios
