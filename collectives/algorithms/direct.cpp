// Direct: everyone sends to everyone it has something for, all at once, in the order rank + 1, rank
// + 2,
// ... (MPI's basic linear). One step, all_reduce two (reduce_scatter, then all_gather). Every port
// shares among n-1 messages; the network may see n-1 senders turn on one receiver. send_recv: rank
// r sends its buffer to rank r + 1, as nccl-tests' sendrecv does.
#include "collectives/algorithms/algorithms.hpp"
#include "collectives/exchange.hpp"

namespace windtunnel::collectives {
namespace {

// Every ordered pair of ranks, nearest successors first.
template <class Visit>
void for_each_pair(std::int32_t ranks, Visit visit) {
  for (std::int32_t k = 1; k < ranks; ++k) {
    for (std::int32_t rank = 0; rank < ranks; ++rank) visit(rank, (rank + k) % ranks);
  }
}

class Direct {
 public:
  Direct(const ScheduleRequest& request, Schedule& schedule)
      : request_(request), builder_(schedule) {}

  void write() {
    switch (request_.op) {
      case Op::all_reduce:
        round([this] { reduce_scatter(); });
        builder_.next_phase();
        return round([this] { all_gather(); });
      case Op::all_gather:
        return round([this] { all_gather(); });
      case Op::reduce_scatter:
        return round([this] { reduce_scatter(); });
      case Op::all_to_all:
        return round([this] { all_to_all(); });
      case Op::broadcast:
      case Op::reduce:
        return round([this] { rooted(); });
      case Op::send_recv:
        return round([this] { send_recv(); });
    }
  }

 private:
  template <class Body>
  void round(Body body) {
    builder_.begin(RoundBuilder::Round::arrivals);
    body();
    builder_.end();
  }
  void reduce_scatter() {
    for_each_pair(request_.ranks, [this](std::int32_t from, std::int32_t to) {
      builder_.add(in_place(from, to, send_block(request_, to), Action::reduce));
    });
  }
  void all_gather() {
    for_each_pair(request_.ranks, [this](std::int32_t from, std::int32_t to) {
      builder_.add(in_place(from, to, send_block(request_, from), Action::copy));
    });
  }
  void all_to_all() {
    const auto send = [this](std::int32_t from, std::int32_t to) {
      const Range block = send_block(request_, to);
      builder_.add({.from = from,
                    .to = to,
                    .source_offset = block.offset,
                    .target_offset = receive_block(request_, from, to).offset,
                    .bytes = block.bytes});
    };
    for (std::int32_t rank = 0; rank < request_.ranks; ++rank) send(rank, rank);
    for_each_pair(request_.ranks, send);
  }
  void rooted() {
    const Range whole{0, request_.bytes};
    for (std::int32_t k = 1; k < request_.ranks; ++k) {
      const std::int32_t other = (request_.root + k) % request_.ranks;
      builder_.add(request_.op == Op::broadcast
                       ? in_place(request_.root, other, whole, Action::copy)
                       : in_place(other, request_.root, whole, Action::reduce));
    }
  }
  void send_recv() {
    for (std::int32_t rank = 0; rank < request_.ranks; ++rank) {
      builder_.add({.from = rank,
                    .to = (rank + 1) % request_.ranks,
                    .source_offset = 0,
                    .target_offset = request_.bytes,
                    .bytes = request_.bytes});
    }
  }

  const ScheduleRequest& request_;
  RoundBuilder builder_;
};

}  // namespace

void write_direct(const ScheduleRequest& request, Schedule& schedule) {
  Direct(request, schedule).write();
}

}  // namespace windtunnel::collectives
