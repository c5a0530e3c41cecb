// Recursive doubling. At step k partners at distance 2^k exchange: all_reduce the whole buffer,
// all_gather what each has gathered so far. log2(n) steps; rank counts that are no power of two
// fold the remainder in before and out after, two steps more. Source: Thakur, Rabenseifner and
// Gropp 2005; MPICH.
#include "collectives/algorithms/algorithms.hpp"
#include "collectives/exchange.hpp"
#include "collectives/fold.hpp"

namespace windtunnel::collectives {
namespace {

class Doubling {
 public:
  Doubling(const ScheduleRequest& request, Schedule& schedule)
      : request_(request), fold_(request.ranks), builder_(schedule) {}

  void write() {
    fold_in();
    for (std::int32_t distance = 1; distance < fold_.power(); distance *= 2) {
      builder_.begin(RoundBuilder::Round::lockstep);
      for (std::int32_t i = 0; i < fold_.power(); ++i) {
        builder_.add(
            in_place(fold_.rank(i), fold_.rank(i ^ distance), held(i, distance), action()));
      }
      builder_.end();
      builder_.next_phase();
    }
    fold_out();
  }

 private:
  bool reducing() const { return request_.op == Op::all_reduce; }
  Action action() const { return reducing() ? Action::reduce : Action::copy; }

  // What number i has before the step at this distance.
  Range held(std::int32_t i, std::int32_t distance) const {
    if (reducing()) return {0, request_.bytes};
    const std::int32_t first = i / distance * distance;
    return parts({0, request_.bytes}, request_.ranks, fold_.first_part(first),
                 fold_.first_part(first + distance), unit_of(request_));
  }
  void fold_in() {
    if (fold_.remainder() == 0) return;
    builder_.begin(RoundBuilder::Round::lockstep);
    for (std::int32_t i = 0; i < fold_.remainder(); ++i) {
      const Range range = reducing() ? Range{0, request_.bytes} : send_block(request_, 2 * i);
      builder_.add(in_place(2 * i, 2 * i + 1, range, action()));
    }
    builder_.end();
    builder_.next_phase();
  }
  void fold_out() {
    builder_.begin(RoundBuilder::Round::lockstep);
    for (std::int32_t i = 0; i < fold_.remainder(); ++i) {
      builder_.add(in_place(2 * i + 1, 2 * i, {0, request_.bytes}, Action::copy));
    }
    builder_.end();
  }

  const ScheduleRequest& request_;
  Fold fold_;
  RoundBuilder builder_;
};

}  // namespace

void write_recursive_doubling(const ScheduleRequest& request, Schedule& schedule) {
  Doubling(request, schedule).write();
}

}  // namespace windtunnel::collectives
