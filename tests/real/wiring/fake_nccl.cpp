// NCCL for the ranks of one process, on the streams of fake_cuda.hpp: a collective happens once every
// rank's stream has come to it, a send once its receive has. NcclApi finds these functions in the test
// program itself (WINDTUNNEL_NCCL set to an empty name). NVLS is pretended to be missing.
#include <nccl.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "real/steps/bfloat16.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

namespace {

enum class Kind { all_reduce, all_gather, reduce_scatter, broadcast, reduce };

struct Call {
  const void* send = nullptr;
  void* receive = nullptr;
};
// One collective over all ranks.
struct Meeting {
  Kind kind = Kind::all_reduce;
  std::size_t count = 0;
  ncclDataType_t type = ncclFloat32;
  int root = 0, arrived = 0;
  bool done = false;
  std::vector<Call> calls;
};
// One message.
struct Message {
  const void* from = nullptr;
  void* to = nullptr;
  std::size_t bytes = 0;
  bool sender_here = false, receiver_here = false, done = false;
};
struct Clique {
  int ranks = 0;
  std::map<long, std::shared_ptr<Meeting>> meetings;  // by sequence number
  // Messages that one side has queued and the other not yet, by (from, to).
  std::map<std::pair<int, int>, std::deque<std::shared_ptr<Message>>> sent, awaited;
};

}  // namespace

struct ncclComm {
  Clique* clique = nullptr;
  int rank = 0;
  long sequence = 0;
  bool refuses = false;  // made while an algorithm was forced that is not there
};

namespace {

struct Exchange {
  ncclComm* comm = nullptr;
  cudaStream_t stream = nullptr;
  std::shared_ptr<Message> message;
  bool sends = false;
};
struct Group {
  int depth = 0;
  std::vector<std::function<void()>> collectives;
  std::vector<Exchange> exchanges;
};
Group& group() {
  static Group g;
  return g;
}
std::map<std::string, std::unique_ptr<Clique>>& cliques() {
  static std::map<std::string, std::unique_ptr<Clique>> all;
  return all;
}

std::size_t width(ncclDataType_t type) {
  return type == ncclFloat32 ? 4 : 2;
}

double get(const void* at, std::size_t i, ncclDataType_t type) {
  if (type == ncclFloat32) return static_cast<double>(static_cast<const float*>(at)[i]);
  return static_cast<double>(
      windtunnel::real::from_bfloat16(static_cast<const std::uint16_t*>(at)[i]));
}
void set(void* at, std::size_t i, ncclDataType_t type, double value) {
  if (type == ncclFloat32)
    static_cast<float*>(at)[i] = static_cast<float>(value);
  else
    static_cast<std::uint16_t*>(at)[i] = windtunnel::real::to_bfloat16(static_cast<float>(value));
}

void hold(Meeting& m) {
  if (std::exchange(m.done, true)) return;
  const std::size_t n = m.calls.size();
  const std::size_t sent = m.kind == Kind::reduce_scatter ? n * m.count : m.count;
  std::vector<std::vector<double>> in(n, std::vector<double>(sent));
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t i = 0; i < sent; ++i) in[r][i] = get(m.calls[r].send, i, m.type);
  std::vector<double> sums(sent, 0.0);
  for (const auto& values : in)
    for (std::size_t i = 0; i < sent; ++i) sums[i] += values[i];
  for (std::size_t r = 0; r < n; ++r) {
    if (m.kind == Kind::reduce && static_cast<int>(r) != m.root) continue;
    const std::size_t received = m.kind == Kind::all_gather ? n * m.count : m.count;
    for (std::size_t i = 0; i < received; ++i) {
      double value = 0;
      switch (m.kind) {
        case Kind::all_reduce:
        case Kind::reduce:
          value = sums[i];
          break;
        case Kind::reduce_scatter:
          value = sums[r * m.count + i];
          break;
        case Kind::all_gather:
          value = in[i / m.count][i % m.count];
          break;
        case Kind::broadcast:
          value = in[static_cast<std::size_t>(m.root)][i];
          break;
      }
      set(m.calls[r].receive, i, m.type, value);
    }
  }
}

ncclResult_t flush() {
  Group& g = group();
  for (const auto& queue : std::exchange(g.collectives, {})) queue();
  // All sends and receives of a rank in one group go ahead together.
  std::map<std::pair<ncclComm*, cudaStream_t>, std::vector<Exchange>> by_rank;
  for (const Exchange& e : std::exchange(g.exchanges, {})) by_rank[{e.comm, e.stream}].push_back(e);
  for (const auto& [who, all] : by_rank) {
    windtunnel::fake::Gate gate;
    gate.arrive = [all = all] {
      for (const Exchange& e : all)
        (e.sends ? e.message->sender_here : e.message->receiver_here) = true;
    };
    gate.ready = [all = all] {
      for (const Exchange& e : all)
        if (!e.message->sender_here || !e.message->receiver_here) return false;
      return true;
    };
    windtunnel::fake::launch_gated(who.second, gate, [all = all] {
      for (const Exchange& e : all)
        if (!std::exchange(e.message->done, true))
          std::memcpy(e.message->to, e.message->from, e.message->bytes);
    });
  }
  return ncclSuccess;
}

ncclResult_t collective(const Meeting& like, const Call& call, ncclComm* comm,
                        cudaStream_t stream) {
  if (comm->refuses) return ncclInvalidUsage;
  std::shared_ptr<Meeting>& meeting = comm->clique->meetings[comm->sequence++];
  if (!meeting) {
    meeting = std::make_shared<Meeting>(like);
    meeting->calls.resize(static_cast<std::size_t>(comm->clique->ranks));
  }
  meeting->calls[static_cast<std::size_t>(comm->rank)] = call;
  group().collectives.push_back([m = meeting, stream, ranks = comm->clique->ranks] {
    windtunnel::fake::launch_gated(
        stream, {[m] { ++m->arrived; }, [m, ranks] { return m->arrived >= ranks; }},
        [m] { hold(*m); });
  });
  return group().depth > 0 ? ncclSuccess : flush();
}

std::shared_ptr<Message> matched(std::deque<std::shared_ptr<Message>>& theirs,
                                 std::deque<std::shared_ptr<Message>>& mine) {
  if (!theirs.empty()) {
    auto message = theirs.front();
    theirs.pop_front();
    return message;
  }
  mine.push_back(std::make_shared<Message>());
  return mine.back();
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = 22809;
  return ncclSuccess;
}
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static int made = 0;
  std::memset(id->internal, 0, sizeof(id->internal));
  id->internal[0] = static_cast<char>(++made);
  id->internal[1] = static_cast<char>(made / 128);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank) {
  auto& clique = cliques()[std::string(id.internal, sizeof(id.internal))];
  if (!clique) clique = std::make_unique<Clique>();
  clique->ranks = ranks;
  const char* forced = std::getenv("NCCL_ALGO");
  *comm = new ncclComm{clique.get(), rank, 0, forced && std::string(forced) == "NVLS"};
  return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclInvalidUsage ? "invalid usage" : "error";
}
const char* ncclGetLastError(ncclComm_t) {
  return "no algorithm available";
}
ncclResult_t ncclGroupStart() {
  ++group().depth;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  return --group().depth > 0 ? ncclSuccess : flush();
}
ncclResult_t ncclGroupSimulateEnd(ncclSimInfo_t* info) {
  --group().depth;
  group().collectives.clear();
  group().exchanges.clear();
  info->estimatedTime = 42.0F;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* send, void* receive, size_t count, ncclDataType_t type,
                           ncclRedOp_t, ncclComm_t comm, cudaStream_t stream) {
  return collective({Kind::all_reduce, count, type, 0, 0, false, {}}, {send, receive}, comm,
                    stream);
}
ncclResult_t ncclAllGather(const void* send, void* receive, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  return collective({Kind::all_gather, count, type, 0, 0, false, {}}, {send, receive}, comm,
                    stream);
}
ncclResult_t ncclReduceScatter(const void* send, void* receive, size_t count, ncclDataType_t type,
                               ncclRedOp_t, ncclComm_t comm, cudaStream_t stream) {
  return collective({Kind::reduce_scatter, count, type, 0, 0, false, {}}, {send, receive}, comm,
                    stream);
}
ncclResult_t ncclBroadcast(const void* send, void* receive, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream) {
  return collective({Kind::broadcast, count, type, root, 0, false, {}}, {send, receive}, comm,
                    stream);
}
ncclResult_t ncclReduce(const void* send, void* receive, size_t count, ncclDataType_t type,
                        ncclRedOp_t, int root, ncclComm_t comm, cudaStream_t stream) {
  return collective({Kind::reduce, count, type, root, 0, false, {}}, {send, receive}, comm, stream);
}
ncclResult_t ncclSend(const void* send, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream) {
  const std::pair<int, int> way{comm->rank, peer};
  auto message = matched(comm->clique->awaited[way], comm->clique->sent[way]);
  message->from = send;
  message->bytes = count * width(type);
  group().exchanges.push_back({comm, stream, message, true});
  return group().depth > 0 ? ncclSuccess : flush();
}
ncclResult_t ncclRecv(void* receive, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  const std::pair<int, int> way{peer, comm->rank};
  auto message = matched(comm->clique->sent[way], comm->clique->awaited[way]);
  message->to = receive;
  message->bytes = count * width(type);
  group().exchanges.push_back({comm, stream, message, false});
  return group().depth > 0 ? ncclSuccess : flush();
}
ncclResult_t ncclRedOpCreatePreMulSum(ncclRedOp_t* op, void*, ncclDataType_t, ncclScalarResidence_t,
                                      ncclComm_t) {
  *op = static_cast<ncclRedOp_t>(ncclNumOps + 1);
  return ncclSuccess;
}

}  // extern "C"
