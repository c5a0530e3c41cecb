// Recursive halving and doubling (Rabenseifner), as MPICH has it.
//
// all_reduce: partners at distance 1, 2, 4, ... exchange a half, a quarter, ... of the buffer and
// add; then the same way back, copying. 2 log2(n) steps that move 2S(n-1)/n, the least there is.
// reduce_scatter: halving with distance p/2 first, so that each rank ends with its own part.
// all_gather: doubling alone, which is recursive doubling.
// Rank counts that are no power of two fold the remainder in before and out after.
// Source: Thakur, Rabenseifner and Gropp 2005; MPICH.
#include "collectives/algorithms/algorithms.hpp"
#include "collectives/exchange.hpp"
#include "collectives/fold.hpp"

namespace windtunnel::collectives {
namespace {

// Parts first .. last-1 of p.
struct Span {
  std::int32_t first = 0;
  std::int32_t last = 0;
  std::int32_t middle() const { return (first + last) / 2; }
  Span lower() const { return {first, middle()}; }
  Span upper() const { return {middle(), last}; }
};

class HalvingDoubling {
 public:
  HalvingDoubling(const ScheduleRequest& request, Schedule& schedule)
      : request_(request),
        fold_(request.ranks),
        builder_(schedule),
        held_(static_cast<std::size_t>(fold_.power()), Span{0, fold_.power()}) {}

  void all_reduce() {
    fold_in();
    for (std::int32_t d = 1; d < fold_.power(); d *= 2) halve(d);
    for (std::int32_t d = fold_.power() / 2; d > 0; d /= 2) double_back(d);
    round_of_remainder([this](std::int32_t i) {
      return in_place(2 * i + 1, 2 * i, {0, request_.bytes}, Action::copy);
    });
  }
  void reduce_scatter() {
    fold_in();
    for (std::int32_t d = fold_.power() / 2; d > 0; d /= 2) halve(d);
    round_of_remainder([this](std::int32_t i) {
      return in_place(2 * i + 1, 2 * i, send_block(request_, 2 * i), Action::copy);
    });
  }

 private:
  Span& held(std::int32_t i) { return held_[static_cast<std::size_t>(i)]; }
  // all_reduce splits the buffer in p parts; reduce_scatter in n, of which a number may stand for
  // two.
  Range range(Span span) const {
    const Range whole{0, request_.bytes};
    if (request_.op == Op::all_reduce) {
      return parts(whole, fold_.power(), span.first, span.last, unit_of(request_));
    }
    return parts(whole, request_.ranks, fold_.first_part(span.first), fold_.first_part(span.last),
                 unit_of(request_));
  }
  void halve(std::int32_t distance) {
    builder_.begin(RoundBuilder::Round::lockstep);
    for (std::int32_t i = 0; i < fold_.power(); ++i) {
      const bool keeps_lower = (i & distance) == 0;
      const Span given = keeps_lower ? held(i).upper() : held(i).lower();
      builder_.add(in_place(fold_.rank(i), fold_.rank(i ^ distance), range(given), Action::reduce));
      held(i) = keeps_lower ? held(i).lower() : held(i).upper();
    }
    builder_.end();
    builder_.next_phase();
  }
  void double_back(std::int32_t distance) {
    builder_.begin(RoundBuilder::Round::lockstep);
    for (std::int32_t i = 0; i < fold_.power(); ++i) {
      builder_.add(in_place(fold_.rank(i), fold_.rank(i ^ distance), range(held(i)), Action::copy));
    }
    builder_.end();
    builder_.next_phase();
    for (std::int32_t i = 0; i < fold_.power(); ++i) {
      const std::int32_t size = held(i).last - held(i).first;
      if ((i & distance) == 0) {
        held(i).last += size;
      } else {
        held(i).first -= size;
      }
    }
  }
  void fold_in() {
    round_of_remainder([this](std::int32_t i) {
      return in_place(2 * i, 2 * i + 1, {0, request_.bytes}, Action::reduce);
    });
  }
  template <class MessageOf>
  void round_of_remainder(MessageOf message_of) {
    builder_.begin(RoundBuilder::Round::lockstep);
    for (std::int32_t i = 0; i < fold_.remainder(); ++i) builder_.add(message_of(i));
    builder_.end();
    builder_.next_phase();
  }

  const ScheduleRequest& request_;
  Fold fold_;
  RoundBuilder builder_;
  std::vector<Span> held_;  // by number
};

}  // namespace

void write_halving_doubling(const ScheduleRequest& request, Schedule& schedule) {
  if (request.op == Op::all_gather) return write_recursive_doubling(request, schedule);
  HalvingDoubling algorithm(request, schedule);
  if (request.op == Op::all_reduce) return algorithm.all_reduce();
  algorithm.reduce_scatter();
}

}  // namespace windtunnel::collectives
