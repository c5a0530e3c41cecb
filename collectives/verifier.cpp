#include "collectives/verifier.hpp"

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "collectives/buffers.hpp"
#include "sim/base/random.hpp"

namespace windtunnel::collectives {
namespace {

using Buffer = Eigen::VectorXd;

// The greatest size that divides every offset and length: one element of the vectors.
std::int64_t grain_of(const ScheduleRequest& request, const Schedule& schedule) {
  std::int64_t grain = unit_of(request);
  for (const Message& m : schedule.messages) {
    grain = std::gcd(std::gcd(grain, m.bytes), std::gcd(m.source_offset, m.target_offset));
  }
  return grain;
}

class Data {
 public:
  Data(const ScheduleRequest& request, const Schedule& schedule)
      : request_(request),
        grain_(grain_of(request, schedule)),
        inputs_(request.bytes / grain_, request.ranks) {
    base::RandomStream random(1, "verifier");
    for (Eigen::Index i = 0; i < inputs_.size(); ++i) {
      inputs_.data()[i] = static_cast<double>(1 + random.below(std::int64_t{1} << 40));
    }
  }

  std::int64_t grain() const { return grain_; }

  // The whole buffer of a participant before the first message.
  Buffer initial(std::int32_t participant, std::int64_t elements) const {
    if (participant >= request_.ranks) return Buffer::Zero(elements);
    Buffer buffer = Buffer::Constant(elements, std::numeric_limits<double>::quiet_NaN());
    const Range input = input_of(participant);
    segment(buffer, input) = segment_of(participant, input);
    return buffer;
  }

  // The first element of a rank's output that is wrong, as a sentence.
  std::optional<std::string> wrong(std::int32_t rank, const Buffer& buffer) const {
    switch (request_.op) {
      case Op::all_reduce:
        return compare(rank, buffer, {0, request_.bytes}, sum({0, request_.bytes}));
      case Op::reduce_scatter: {
        const Range own = send_block(request_, rank);
        return compare(rank, buffer, own, sum(own));
      }
      case Op::reduce:
        if (rank != request_.root) return std::nullopt;
        return compare(rank, buffer, {0, request_.bytes}, sum({0, request_.bytes}));
      case Op::broadcast:
        return compare(rank, buffer, {0, request_.bytes},
                       segment_of(request_.root, {0, request_.bytes}));
      case Op::send_recv: {
        const std::int32_t before = (rank + request_.ranks - 1) % request_.ranks;
        return compare(rank, buffer, {request_.bytes, request_.bytes},
                       segment_of(before, {0, request_.bytes}));
      }
      case Op::all_gather:
      case Op::all_to_all:
        return wrong_from_each(rank, buffer);
    }
    return std::nullopt;
  }

 private:
  Range input_of(std::int32_t rank) const {
    if (request_.op == Op::all_gather) return send_block(request_, rank);
    if (request_.op == Op::broadcast && rank != request_.root) return {};
    return {0, request_.bytes};
  }
  Eigen::VectorBlock<Buffer> segment(Buffer& buffer, Range range) const {
    return buffer.segment(range.offset / grain_, range.bytes / grain_);
  }
  Buffer segment_of(std::int32_t rank, Range range) const {
    return inputs_.col(rank).segment(range.offset / grain_, range.bytes / grain_);
  }
  Buffer sum(Range range) const {
    return inputs_.middleRows(range.offset / grain_, range.bytes / grain_).rowwise().sum();
  }
  std::optional<std::string> wrong_from_each(std::int32_t rank, const Buffer& buffer) const {
    for (std::int32_t from = 0; from < request_.ranks; ++from) {
      const bool gather = request_.op == Op::all_gather;
      const Range source = send_block(request_, gather ? from : rank);
      const Range target = gather ? source : receive_block(request_, from, rank);
      if (auto found = compare(rank, buffer, target, segment_of(from, source))) return found;
    }
    return std::nullopt;
  }
  std::optional<std::string> compare(std::int32_t rank, const Buffer& buffer, Range range,
                                     const Buffer& expected) const {
    for (Eigen::Index i = 0; i < expected.size(); ++i) {
      const double got = buffer[range.offset / grain_ + i];
      if (got == expected[i]) continue;
      return "rank " + std::to_string(rank) + " ends with " +
             (std::isnan(got) ? "nothing" : std::to_string(got)) + " at byte " +
             std::to_string(range.offset + i * grain_) + " in place of " +
             std::to_string(expected[i]);
    }
    return std::nullopt;
  }

  const ScheduleRequest& request_;
  std::int64_t grain_;
  Eigen::MatrixXd inputs_;  // element x rank
};

class Run {
 public:
  Run(const Schedule& schedule, const Data& data, CompletionOrder order)
      : schedule_(schedule),
        grain_(data.grain()),
        order_(order),
        random_(2, "completion order"),
        pending_(schedule.messages.size()),
        dependents_(schedule.messages.size()) {
    for (std::int32_t p = 0; p < schedule.participants(); ++p) {
      buffers_.push_back(data.initial(p, schedule.buffer_bytes / grain_));
    }
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const auto dependencies = schedule.dependencies(static_cast<std::int32_t>(i));
      pending_[i] = dependencies.size();
      for (const std::int32_t d : dependencies)
        dependents_[static_cast<std::size_t>(d)].push_back(i);
    }
  }

  void run() {
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (pending_[i] == 0) start(i);
    }
    while (!flying_.empty()) {
      const auto chosen = flying_.begin() + static_cast<std::ptrdiff_t>(choose());
      const Flying message = std::move(*chosen);
      flying_.erase(chosen);
      complete(message);
    }
  }
  const Buffer& buffer(std::int32_t participant) const {
    return buffers_[static_cast<std::size_t>(participant)];
  }

 private:
  struct Flying {
    std::size_t message;
    Buffer payload;
  };

  std::size_t choose() {
    switch (order_) {
      case CompletionOrder::oldest_first:
        return 0;
      case CompletionOrder::newest_first:
        return flying_.size() - 1;
      case CompletionOrder::random:
        break;
    }
    return static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(flying_.size())));
  }
  void start(std::size_t index) {
    const Message& m = schedule_.messages[index];
    flying_.push_back({index, buffers_[static_cast<std::size_t>(m.from)].segment(
                                  m.source_offset / grain_, m.bytes / grain_)});
  }
  void complete(const Flying& flying) {
    const Message& m = schedule_.messages[flying.message];
    auto target = buffers_[static_cast<std::size_t>(m.to)].segment(m.target_offset / grain_,
                                                                   m.bytes / grain_);
    if (m.action == Action::reduce) {
      target += flying.payload;
    } else {
      target = flying.payload;
    }
    for (const std::size_t dependent : dependents_[flying.message]) {
      if (--pending_[dependent] == 0) start(dependent);
    }
  }

  const Schedule& schedule_;
  std::int64_t grain_;
  CompletionOrder order_;
  base::RandomStream random_;
  std::vector<Buffer> buffers_;
  std::vector<std::size_t> pending_;
  std::vector<std::vector<std::size_t>> dependents_;
  std::vector<Flying> flying_;
};

}  // namespace

Verdict check_form(const Schedule& schedule) {
  for (std::size_t i = 0; i < schedule.messages.size(); ++i) {
    const Message& m = schedule.messages[i];
    const auto in_buffer = [&](std::int64_t offset) {
      return offset >= 0 && m.bytes >= 0 && offset + m.bytes <= schedule.buffer_bytes;
    };
    const auto exists = [&](std::int32_t p) { return p >= 0 && p < schedule.participants(); };
    const std::string name = "message " + std::to_string(i);
    if (!exists(m.from) || !exists(m.to))
      return {false, name + " names a participant that is none"};
    if (!in_buffer(m.source_offset) || !in_buffer(m.target_offset)) {
      return {false, name + " reaches out of the buffer"};
    }
    for (const std::int32_t d : schedule.dependencies(static_cast<std::int32_t>(i))) {
      if (schedule.messages[static_cast<std::size_t>(d)].phase > m.phase) {
        return {false, name + " waits for a later phase"};
      }
    }
  }
  return {};
}

Verdict check_result(const ScheduleRequest& request, const Schedule& schedule,
                     CompletionOrder order) {
  const Data data(request, schedule);
  Run run(schedule, data, order);
  run.run();
  for (std::int32_t rank = 0; rank < request.ranks; ++rank) {
    if (auto problem = data.wrong(rank, run.buffer(rank))) return {false, *problem};
  }
  return {};
}

Verdict verify(const ScheduleRequest& request, const Schedule& schedule) {
  if (Verdict verdict = check_form(schedule); !verdict.correct) return verdict;
  for (const CompletionOrder order :
       {CompletionOrder::oldest_first, CompletionOrder::newest_first, CompletionOrder::random}) {
    if (Verdict verdict = check_result(request, schedule, order); !verdict.correct) return verdict;
  }
  return check_races(schedule);
}

}  // namespace windtunnel::collectives
