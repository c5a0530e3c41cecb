#include "real/nccl/device/collective_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "real/benchmark.hpp"
#include "real/cuda/kernels.hpp"
#include "real/nccl/device/pattern_kernels.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::real {
namespace {

using collectives::Op;

// Left free for NCCL's own channels and the kernels' local memory.
constexpr std::int64_t kReserve = std::int64_t{1} << 30;

int start_exponent(Element type) {
  return type == Element::fp16 ? -14 : -60;
}
int largest_exponent(Element type) {
  return type == Element::fp16 ? 15 : 127;
}

bool reduces(Op op) {
  return op == Op::all_reduce || op == Op::reduce || op == Op::reduce_scatter;
}

void* advance(void* pointer, std::int64_t elements, Element type) {
  return static_cast<char*>(pointer) + elements * bytes_of(type);
}

}  // namespace

CollectiveRun::CollectiveRun(std::shared_ptr<const NcclClique> clique, const CollectiveCall& call,
                             Reduction reduction)
    : clique_(std::move(clique)), call_(call), stopwatch_(*clique_, call.op, [this] {
        if (feeds_on_itself()) fill_random_data();
      }) {
  refuse_lack_of_memory();
  clique_->each([&](const NcclClique::Member& member) {
    Buffers buffers;
    const std::int64_t width = bytes_of(call_.type);
    if (call_.placement == Placement::in_place) {
      buffers.send = DeviceBuffer(buffer_elements(call_) * width);
    } else {
      buffers.send = DeviceBuffer(send_elements(call_) * width);
      buffers.receive = DeviceBuffer(receive_elements(call_) * width);
    }
    buffers.mismatches = DeviceBuffer(sizeof(Mismatches));
    if (reduction == Reduction::scaled_sum)
      buffers.reduction = clique_->api().scaled_sum(member.communicator, call_.type, 1.0);
    buffers_.push_back(std::move(buffers));
  });
  fill_random_data();
  clique_->wait();
}

bool CollectiveRun::feeds_on_itself() const {
  return call_.placement == Placement::in_place && reduces(call_.op) && call_.ranks > 1;
}

std::int64_t CollectiveRun::calls_until_overflow() const {
  const double exponents = largest_exponent(call_.type) - start_exponent(call_.type);
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(exponents / std::log2(static_cast<double>(call_.ranks) + 1.0)));
}

void CollectiveRun::refuse_lack_of_memory() const {
  const bool one = call_.placement == Placement::in_place;
  const std::int64_t needed =
      (one ? buffer_elements(call_) : send_elements(call_) + receive_elements(call_)) *
      bytes_of(call_.type);
  std::int64_t least_free = INT64_MAX;
  clique_->each([&](const NcclClique::Member&) {
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    least_free = std::min(least_free, static_cast<std::int64_t>(free));
  });
  const double lacking = static_cast<double>(needed + kReserve - least_free);
  if (clique_->peers().max(lacking) > 0.0)
    throw PointRefused(fmt::format("needs {} of GPU memory and a reserve of 1 GiB; {} are free",
                                   base::to_text(base::Bytes(static_cast<double>(needed))),
                                   base::to_text(base::Bytes(static_cast<double>(least_free)))));
}

const CollectiveRun::Buffers& CollectiveRun::of(const NcclClique::Member& member) const {
  return buffers_[static_cast<std::size_t>(member.rank - clique_->members().front().rank)];
}

void* CollectiveRun::send_part(const NcclClique::Member& member) const {
  return advance(of(member).send.data(), send_offset(call_, member.rank), call_.type);
}

void* CollectiveRun::receive_part(const NcclClique::Member& member) const {
  const Buffers& buffers = of(member);
  void* const base = buffers.receive.data() ? buffers.receive.data() : buffers.send.data();
  return advance(base, receive_offset(call_, member.rank), call_.type);
}

NcclOperands CollectiveRun::operands(const NcclClique::Member& member) const {
  NcclOperands at;
  at.send = send_part(member);
  at.receive = receive_part(member);
  at.communicator = member.communicator;
  at.stream = member.stream->get();
  at.rank = member.rank;
  at.reduction = of(member).reduction;
  return at;
}

void CollectiveRun::issue() {
  clique_->group(
      [this](const NcclClique::Member& member) { clique_->api().issue(call_, operands(member)); });
}

std::optional<base::Seconds> CollectiveRun::estimate() {
  if (call_.ranks < 2 || call_.op == Op::all_to_all || call_.op == Op::send_recv)
    return std::nullopt;
  return clique_->api().estimate([this] {
    for (const NcclClique::Member& member : clique_->members())
      clique_->api().issue(call_, operands(member));
  });
}

void CollectiveRun::fill_random_data() const {
  const float width = std::ldexp(1.0F, start_exponent(call_.type));
  clique_->each([&](const NcclClique::Member& member) {
    RandomFill fill;
    fill.type = call_.type;
    fill.low = -width;
    fill.high = width;
    fill.seed = static_cast<std::uint64_t>(member.rank) + 1;
    fill.out = of(member).send.data();
    fill.count = of(member).send.bytes() / bytes_of(call_.type);
    fill_random(fill, member.stream->get());
  });
}

void CollectiveRun::fill_patterns(std::uint64_t mask) const {
  clique_->each([&](const NcclClique::Member& member) {
    const Buffers& buffers = of(member);
    cudaStream_t const stream = member.stream->get();
    const DeviceBuffer& result = buffers.receive.data() ? buffers.receive : buffers.send;
    // All bits set are NaNs: what the call leaves out cannot pass for a result.
    check(cudaMemsetAsync(result.data(), 0xff, static_cast<std::size_t>(result.bytes()), stream),
          "cudaMemsetAsync");
    PatternFill fill;
    fill.out = send_part(member);
    fill.count = send_elements(call_);
    fill.type = call_.type;
    fill.rank = member.rank;
    fill.mask = mask;
    fill_pattern(fill, stream);
    const Mismatches none;
    check(cudaMemcpyAsync(buffers.mismatches.data(), &none, sizeof(none), cudaMemcpyHostToDevice,
                          stream),
          "cudaMemcpyAsync");
  });
}

std::string CollectiveRun::check_data() {
  const Pattern pattern = pattern_for(call_.ranks, call_.type);
  fill_patterns(pattern.mask);
  clique_->wait();
  issue();
  std::string wrong;
  clique_->each([&](const NcclClique::Member& member) {
    if (call_.op == Op::reduce && member.rank != 0) return;  // only the root has a result
    PatternCheck checked;
    checked.data = receive_part(member);
    checked.count = receive_elements(call_);
    checked.type = call_.type;
    checked.expectation = {call_.op, call_.ranks, call_.unit, member.rank, 0, pattern.mask};
    checked.tolerance = pattern.tolerance;
    checked.found = of(member).mismatches.as<Mismatches>();
    check_pattern(checked, member.stream->get());
  });
  clique_->wait();
  clique_->each([&](const NcclClique::Member& member) {
    Mismatches found;
    copy_to_host(&found, of(member).mismatches.data(), sizeof(found));
    if (found.count == 0) return;
    wrong += fmt::format("{}rank {}: {} of {} elements are wrong, the first at {}",
                         wrong.empty() ? "" : "; ", member.rank, found.count,
                         receive_elements(call_), found.first);
  });
  fill_random_data();
  clique_->wait();
  return wrong;
}

}  // namespace windtunnel::real
