#include "real/nccl/device/clique.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using base::EnvironmentError;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string pci_bus_id(int device) {
  std::array<char, 32> id{};
  check(cudaDeviceGetPCIBusId(id.data(), static_cast<int>(id.size()), device),
        "cudaDeviceGetPCIBusId");
  return id.data();
}

bool several_ranks_a_gpu_allowed() {
  const char* value = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");  // NCCL 2.30 and later
  return value && std::string(value) == "1";
}

constexpr std::int64_t kTokenElements = 4;

}  // namespace

NcclClique::NcclClique(std::shared_ptr<const NcclApi> api, const std::vector<int>& devices,
                       Peers& peers, const NcclSetting& setting)
    : api_(std::move(api)), peers_(peers) {
  base::expects(!devices.empty(), "a clique has a device here");
  const auto mine = static_cast<double>(devices.size());
  if (peers_.max(mine) != -peers_.max(-mine))
    throw EnvironmentError("the processes of one NCCL run must drive equally many GPUs each");
  meet(devices);
  ranks_ = static_cast<std::int64_t>(peers_.size()) * static_cast<std::int64_t>(devices.size());
  const std::string id = peers_.broadcast(peers_.rank() == 0 ? api_->unique_id() : std::string());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    Member member;
    member.device = devices[i];
    member.rank =
        static_cast<std::int64_t>(peers_.rank()) * static_cast<std::int64_t>(devices.size()) +
        static_cast<std::int64_t>(i);
    use_device(member.device);
    member.stream = std::make_unique<Stream>();
    member.token = DeviceBuffer(kTokenElements * ranks_ * bytes_of(Element::fp32));
    check(cudaMemsetAsync(member.token.data(), 0, static_cast<std::size_t>(member.token.bytes()),
                          member.stream->get()),
          "cudaMemsetAsync");
    members_.push_back(std::move(member));
  }
  const ForcedEnvironment forced(setting);
  api_->in_group([&] {
    for (Member& member : members_) {
      use_device(member.device);
      api_->init_rank(&member.communicator, ranks_, id, member.rank);
    }
  });
  use_device(members_.front().device);
}

NcclClique::~NcclClique() {
  for (const Member& member : members_) api_->destroy(member.communicator);
}

// Every rank's host and GPU, by every rank: counts the nodes, refuses a GPU that two ranks would share.
void NcclClique::meet(const std::vector<int>& devices) {
  std::string mine;
  for (const int device : devices) mine += host_name() + " " + pci_bus_id(device) + "\n";
  std::vector<std::string> seen;
  std::set<std::string> hosts;
  for (const std::string& of_process : peers_.gather(mine)) {
    std::istringstream lines(of_process);
    for (std::string line; std::getline(lines, line);) {
      const auto same = std::find(seen.begin(), seen.end(), line);
      if (same != seen.end() && !several_ranks_a_gpu_allowed())
        throw EnvironmentError(
            fmt::format("ranks {} and {} would share one GPU ({}), which NCCL refuses: start as "
                        "many processes a node as it has GPUs",
                        same - seen.begin(), seen.size(), line));
      seen.push_back(line);
      hosts.insert(line.substr(0, line.find(' ')));
    }
  }
  nodes_ = static_cast<std::int64_t>(hosts.size());
}

void NcclClique::each(const std::function<void(const Member&)>& visit) const {
  for (const Member& member : members_) {
    if (members_.size() > 1) use_device(member.device);
    visit(member);
  }
  if (members_.size() > 1) use_device(members_.front().device);
}

void NcclClique::group(const std::function<void(const Member&)>& issue) const {
  if (members_.size() == 1) return issue(members_.front());
  api_->in_group([&] {
    for (const Member& member : members_) issue(member);
  });
}

void NcclClique::queue_barrier(collectives::Op op) const {
  using collectives::Op;
  CollectiveCall call;
  const bool gathers = op == Op::all_gather || op == Op::reduce_scatter;
  call.op = gathers ? Op::all_gather : Op::all_reduce;
  call.placement = Placement::in_place;
  call.ranks = ranks_;
  call.unit = kTokenElements;
  group([&](const Member& member) {
    NcclOperands at;
    at.send = member.token.as<float>() + send_offset(call, member.rank);
    at.receive = member.token.data();
    at.communicator = member.communicator;
    at.stream = member.stream->get();
    at.rank = member.rank;
    api_->issue(call, at);
  });
}

void NcclClique::wait() const {
  for (const Member& member : members_) member.stream->wait();
}

CliqueStopwatch::CliqueStopwatch(const NcclClique& clique, collectives::Op op,
                                 std::function<void()> before)
    : clique_(clique), op_(op), before_(std::move(before)) {
  clique_.each([this](const NcclClique::Member&) {
    start_.emplace_back();
    stop_.emplace_back();
  });
}

base::Seconds CliqueStopwatch::time(const Work& work, std::int64_t first, std::int64_t calls) {
  if (before_) before_();
  clique_.queue_barrier(op_);
  std::size_t at = 0;
  clique_.each([&](const NcclClique::Member& member) { start_[at++].record(*member.stream); });
  for (std::int64_t call = first; call < first + calls; ++call) work(call);
  at = 0;
  clique_.each([&](const NcclClique::Member& member) { stop_[at++].record(*member.stream); });
  clique_.wait();
  base::Seconds slowest{0};
  for (std::size_t i = 0; i < start_.size(); ++i)
    slowest = base::max(slowest, stop_[i].since(start_[i]));
  return slowest;
}

}  // namespace windtunnel::real
