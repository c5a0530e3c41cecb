// MPI collectives between processes of this machine, on fp32. Sizes as in nccl-tests: of the larger
// of a rank's two buffers. Data are checked on every rank against what the definition gives.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "real/cpu/buffers.hpp"
#include "real/mpi/mpi_device.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::real {
namespace {

// Element i that rank r sends: whole numbers, so that sums are exact in fp32 up to 2^24 / ranks.
float sent(int rank, std::int64_t i) {
  return static_cast<float>((i * 7 + rank * 131) % 1000 + 1);
}

float sum_sent(int ranks, std::int64_t i) {
  float sum = 0;
  for (int rank = 0; rank < ranks; ++rank) sum += sent(rank, i);
  return sum;
}

struct Call {
  std::vector<float> send, receive;
  int count = 0;  // as MPI wants it: per rank where the buffer is divided
  int rank = 0, ranks = 1;
};

// One operation: how the larger buffer's elements divide, the call, and element i of the result.
struct Operation {
  std::string name;
  bool divides_send = false, divides_receive = false;
  std::function<void(Call&)> run;
  std::function<float(const Call&, std::int64_t i)> expected;
};

std::vector<Operation> operations() {
  const auto whole = [](const Call& call, std::int64_t i) { return sum_sent(call.ranks, i); };
  return {
      {"all_reduce", false, false,
       [](Call& c) {
         MPI_Allreduce(c.send.data(), c.receive.data(), c.count, MPI_FLOAT, MPI_SUM,
                       MPI_COMM_WORLD);
       },
       whole},
      {"all_gather", true, false,
       [](Call& c) {
         MPI_Allgather(c.send.data(), c.count, MPI_FLOAT, c.receive.data(), c.count, MPI_FLOAT,
                       MPI_COMM_WORLD);
       },
       [](const Call& c, std::int64_t i) {
         return sent(static_cast<int>(i / c.count), i % c.count);
       }},
      {"reduce_scatter", false, true,
       [](Call& c) {
         MPI_Reduce_scatter_block(c.send.data(), c.receive.data(), c.count, MPI_FLOAT, MPI_SUM,
                                  MPI_COMM_WORLD);
       },
       [](const Call& c, std::int64_t i) {
         return sum_sent(c.ranks, static_cast<std::int64_t>(c.rank) * c.count + i);
       }},
      {"broadcast", false, false,
       [](Call& c) { MPI_Bcast(c.receive.data(), c.count, MPI_FLOAT, 0, MPI_COMM_WORLD); },
       [](const Call&, std::int64_t i) { return sent(0, i); }},
      {"all_to_all", false, false,
       [](Call& c) {
         MPI_Alltoall(c.send.data(), c.count, MPI_FLOAT, c.receive.data(), c.count, MPI_FLOAT,
                      MPI_COMM_WORLD);
       },
       [](const Call& c, std::int64_t i) {
         return sent(static_cast<int>(i / c.count),
                     static_cast<std::int64_t>(c.rank) * c.count + i % c.count);
       }},
  };
}

bool divided(const Operation& operation) {
  return operation.divides_send || operation.divides_receive || operation.name == "all_to_all";
}

std::string check(const Operation& operation, const Call& call) {
  for (std::size_t i = 0; i < call.receive.size(); ++i) {
    const float expected = operation.expected(call, static_cast<std::int64_t>(i));
    if (call.receive[i] != expected)
      return fmt::format("rank {}: element {} is {}, expected {}", call.rank, i, call.receive[i],
                         expected);
  }
  return "";
}

Prepared prepare(const Operation& operation, std::int64_t elements) {
  const auto call = std::make_shared<Call>();
  MPI_Comm_rank(MPI_COMM_WORLD, &call->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &call->ranks);
  require_memory(8 * elements * call->ranks);
  const std::int64_t part = elements / call->ranks;
  call->count = static_cast<int>(divided(operation) ? part : elements);
  const std::int64_t send = operation.divides_send ? part : elements;
  for (std::int64_t i = 0; i < send; ++i) call->send.push_back(sent(call->rank, i));
  call->receive.resize(static_cast<std::size_t>(operation.divides_receive ? part : elements));
  if (operation.name == "broadcast" && call->rank == 0) call->receive = call->send;
  Prepared out;
  out.run = [operation, call](std::int64_t) { operation.run(*call); };
  out.check = [operation, call] { return check(operation, *call); };
  return out;
}

Point point_of(const Operation& operation, std::int64_t bytes, int ranks) {
  Point point;
  point.fields = {{"kind", "collective"},
                  {"op", operation.name},
                  {"bytes", std::to_string(bytes)},
                  {"ranks", std::to_string(ranks)},
                  {"nodes", "1"},
                  {"gpus_per_node", std::to_string(ranks)},
                  {"interconnect", "shared memory"},
                  {"launch", "process"},
                  {"precision", "fp32"},
                  {"stack", mpi_library_version()}};
  point.prepare = [operation, bytes] { return prepare(operation, bytes / 4); };
  return point;
}

// Bytes per rank that every rank count divides: multiples of 4 * ranks.
std::vector<std::int64_t> sizes(const Selection& selection, int ranks) {
  const CollectiveWish& wish = selection.collective;
  const bool quick = selection.effort == Effort::quick;
  const double from = wish.to > base::Bytes(0) ? wish.from.value() : 64.0;
  const double to = wish.to > base::Bytes(0) ? wish.to.value() : (quick ? 16 : 256) * 1048576.0;
  const double factor = wish.to > base::Bytes(0) ? wish.factor : quick ? 4.0 : 2.0;
  const std::int64_t unit = 4 * ranks;
  std::vector<std::int64_t> out;
  for (double size = from; size <= to * 1.0001; size *= factor) {
    const std::int64_t bytes =
        std::max<std::int64_t>(unit, static_cast<std::int64_t>(size) / unit * unit);
    if (out.empty() || out.back() != bytes) out.push_back(bytes);
  }
  return out;
}

}  // namespace

std::vector<Benchmark> mpi_collective_benchmarks(const Selection& selection, int ranks) {
  Benchmark out{"collective", {}};
  const auto& wanted = selection.collective.ops;
  for (const Operation& operation : operations()) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), operation.name) == wanted.end())
      continue;
    for (const std::int64_t bytes : sizes(selection, ranks))
      out.points.push_back(point_of(operation, bytes, ranks));
  }
  return {out};
}

}  // namespace windtunnel::real
