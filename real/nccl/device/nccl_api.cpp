#include "real/nccl/device/nccl_api.hpp"

// Compiled where nccl.h is found; without_nccl.cpp stands in for it elsewhere.
#if __has_include(<nccl.h>)

#include <dlfcn.h>
#include <fmt/format.h>
#include <nccl.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "sim/base/contract.hpp"

namespace windtunnel::real {

using base::EnvironmentError;
using collectives::Op;

struct NcclApi::Functions {
  decltype(&ncclGetVersion) get_version = nullptr;
  decltype(&ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&ncclCommInitRank) comm_init_rank = nullptr;
  decltype(&ncclCommDestroy) comm_destroy = nullptr;
  decltype(&ncclGetErrorString) get_error_string = nullptr;
  decltype(&ncclGetLastError) get_last_error = nullptr;
  decltype(&ncclGroupStart) group_start = nullptr;
  decltype(&ncclGroupEnd) group_end = nullptr;
  decltype(&ncclAllReduce) all_reduce = nullptr;
  decltype(&ncclAllGather) all_gather = nullptr;
  decltype(&ncclReduceScatter) reduce_scatter = nullptr;
  decltype(&ncclBroadcast) broadcast = nullptr;
  decltype(&ncclReduce) reduce = nullptr;
  decltype(&ncclSend) send = nullptr;
  decltype(&ncclRecv) receive = nullptr;
  // Newer than the oldest NCCL that serves (2.11): null where the library lacks them.
  decltype(&ncclRedOpCreatePreMulSum) create_scaled_sum = nullptr;
#ifdef NCCL_SIM_INFO_INITIALIZER
  decltype(&ncclGroupSimulateEnd) simulate_end = nullptr;
#endif
};

namespace {

template <class Function>
void find(void* library, const char* name, Function& function) {
  void* const symbol = ::dlsym(library, name);
  static_assert(sizeof(symbol) == sizeof(function));
  std::memcpy(&function, &symbol, sizeof(symbol));
}

template <class Function>
void require(void* library, const char* name, Function& function) {
  find(library, name, function);
  if (!function) throw EnvironmentError(fmt::format("the NCCL library found here has no {}", name));
}

std::vector<std::string> candidates() {
  std::vector<std::string> names;
  if (const char* named = std::getenv("WINDTUNNEL_NCCL")) return {named};
  names.emplace_back("libnccl.so.2");
  std::vector<std::string> homes;
  if (const char* home = std::getenv("CUDA_HOME")) homes.emplace_back(home);
  homes.emplace_back("/usr/local/cuda");
  for (const std::string& home : homes)
    for (const char* folder : {"lib64", "lib"})
      names.push_back(fmt::format("{}/{}/libnccl.so.2", home, folder));
  return names;
}

ncclDataType_t nccl_type(Element type) {
  switch (type) {
    case Element::fp32:
      return ncclFloat32;
    case Element::fp16:
      return ncclFloat16;
    case Element::bf16:
      return ncclBfloat16;
  }
  return ncclFloat32;
}

const void* advance(const void* pointer, std::int64_t elements, Element type) {
  return static_cast<const char*>(pointer) + elements * bytes_of(type);
}
void* advance(void* pointer, std::int64_t elements, Element type) {
  return static_cast<char*>(pointer) + elements * bytes_of(type);
}

}  // namespace

std::shared_ptr<const NcclApi> NcclApi::load() {
  void* library = nullptr;
  std::string tried;
  for (const std::string& name : candidates()) {
    library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library) break;
    tried += (tried.empty() ? "" : ", ") + name;
  }
  if (!library)
    throw EnvironmentError(
        fmt::format("NCCL is not here (tried {}): put its folder on LD_LIBRARY_PATH or name the "
                    "file in WINDTUNNEL_NCCL",
                    tried));
  auto f = std::make_unique<Functions>();
  require(library, "ncclGetVersion", f->get_version);
  require(library, "ncclGetUniqueId", f->get_unique_id);
  require(library, "ncclCommInitRank", f->comm_init_rank);
  require(library, "ncclCommDestroy", f->comm_destroy);
  require(library, "ncclGetErrorString", f->get_error_string);
  require(library, "ncclGroupStart", f->group_start);
  require(library, "ncclGroupEnd", f->group_end);
  require(library, "ncclAllReduce", f->all_reduce);
  require(library, "ncclAllGather", f->all_gather);
  require(library, "ncclReduceScatter", f->reduce_scatter);
  require(library, "ncclBroadcast", f->broadcast);
  require(library, "ncclReduce", f->reduce);
  require(library, "ncclSend", f->send);
  require(library, "ncclRecv", f->receive);
  find(library, "ncclGetLastError", f->get_last_error);
  find(library, "ncclRedOpCreatePreMulSum", f->create_scaled_sum);
#ifdef NCCL_SIM_INFO_INITIALIZER
  find(library, "ncclGroupSimulateEnd", f->simulate_end);
#endif
  return std::shared_ptr<const NcclApi>(new NcclApi(library, std::move(f)));
}

NcclApi::NcclApi(void* library, std::unique_ptr<Functions> functions)
    : library_(library), functions_(std::move(functions)) {}

// The library stays loaded: NCCL's threads may outlive the last communicator.
NcclApi::~NcclApi() = default;

void NcclApi::check(int result, const char* call) const {
  if (result == ncclSuccess) return;
  const auto status = static_cast<ncclResult_t>(result);
  const char* last = functions_->get_last_error ? functions_->get_last_error(nullptr) : "";
  throw EnvironmentError(fmt::format("{}: {}{}{}", call, functions_->get_error_string(status),
                                     last && *last ? ": " : "", last ? last : ""));
}

int NcclApi::version_code() const {
  int code = 0;
  check(functions_->get_version(&code), "ncclGetVersion");
  return code;
}

std::string NcclApi::version() const {
  const int code = version_code();
  // Up to 2.8 the code was 1000 * major + 100 * minor + patch.
  const int unit = code < 10000 ? 1000 : 10000;
  return fmt::format("{}.{}.{}", code / unit, code % unit / 100, code % 100);
}

std::string NcclApi::unique_id() const {
  ncclUniqueId id;
  check(functions_->get_unique_id(&id), "ncclGetUniqueId");
  return std::string(id.internal, sizeof(id.internal));
}

void NcclApi::init_rank(ncclComm** communicator, std::int64_t ranks, const std::string& id,
                        std::int64_t rank) const {
  ncclUniqueId key;
  base::expects(id.size() == sizeof(key.internal), "an NCCL id has its full length");
  std::memcpy(key.internal, id.data(), sizeof(key.internal));
  check(functions_->comm_init_rank(communicator, static_cast<int>(ranks), key,
                                   static_cast<int>(rank)),
        "ncclCommInitRank");
}

void NcclApi::destroy(ncclComm* communicator) const noexcept {
  if (communicator) functions_->comm_destroy(communicator);
}

void NcclApi::in_group(const std::function<void()>& issue) const {
  check(functions_->group_start(), "ncclGroupStart");
  try {
    issue();
  } catch (...) {
    functions_->group_end();  // fails too, and closes the group
    throw;
  }
  check(functions_->group_end(), "ncclGroupEnd");
}

std::optional<base::Seconds> NcclApi::estimate(const std::function<void()>& issue) const {
#ifdef NCCL_SIM_INFO_INITIALIZER
  if (!functions_->simulate_end) return std::nullopt;
  check(functions_->group_start(), "ncclGroupStart");
  ncclSimInfo_t info = NCCL_SIM_INFO_INITIALIZER;
  try {
    issue();
  } catch (...) {
    functions_->simulate_end(&info);
    throw;
  }
  check(functions_->simulate_end(&info), "ncclGroupSimulateEnd");
  if (info.estimatedTime > 0.0F)  // microseconds
    return base::Seconds(static_cast<double>(info.estimatedTime) * 1e-6);
#else
  static_cast<void>(issue);
#endif
  return std::nullopt;
}

void NcclApi::issue(const CollectiveCall& c, const NcclOperands& at) const {
  const auto count = static_cast<std::size_t>(c.unit);
  const ncclDataType_t type = nccl_type(c.type);
  const auto reduction = static_cast<ncclRedOp_t>(at.reduction);
  const int root = static_cast<int>(at.root);
  const Functions& f = *functions_;
  ncclComm* const comm = at.communicator;
  const auto to = [&](std::int64_t peer, std::int64_t part) {
    check(f.send(advance(at.send, part * c.unit, c.type), count, type, static_cast<int>(peer), comm,
                 at.stream),
          "ncclSend");
  };
  const auto from = [&](std::int64_t peer, std::int64_t part) {
    check(f.receive(advance(at.receive, part * c.unit, c.type), count, type, static_cast<int>(peer),
                    comm, at.stream),
          "ncclRecv");
  };
  switch (c.op) {
    case Op::all_reduce:
      return check(f.all_reduce(at.send, at.receive, count, type, reduction, comm, at.stream),
                   "ncclAllReduce");
    case Op::all_gather:
      return check(f.all_gather(at.send, at.receive, count, type, comm, at.stream),
                   "ncclAllGather");
    case Op::reduce_scatter:
      return check(f.reduce_scatter(at.send, at.receive, count, type, reduction, comm, at.stream),
                   "ncclReduceScatter");
    case Op::broadcast:
      return check(f.broadcast(at.send, at.receive, count, type, root, comm, at.stream),
                   "ncclBroadcast");
    case Op::reduce:
      return check(f.reduce(at.send, at.receive, count, type, reduction, root, comm, at.stream),
                   "ncclReduce");
    case Op::all_to_all:
      return in_group([&] {
        for (std::int64_t peer = 0; peer < c.ranks; ++peer) {
          to(peer, peer);
          from(peer, peer);
        }
      });
    case Op::send_recv:
      return in_group([&] {
        to((at.rank + 1) % c.ranks, 0);
        from((at.rank + c.ranks - 1) % c.ranks, 0);
      });
  }
}

int NcclApi::scaled_sum(ncclComm* communicator, Element type, double factor) const {
  base::expects(type == Element::fp32, "scaled sums are of fp32");
  if (!functions_->create_scaled_sum)
    throw EnvironmentError("this NCCL has no ncclRedOpCreatePreMulSum (2.11 and later have)");
  float scalar = static_cast<float>(factor);
  ncclRedOp_t made = ncclSum;
  check(functions_->create_scaled_sum(&made, &scalar, nccl_type(type), ncclScalarHostImmediate,
                                      communicator),
        "ncclRedOpCreatePreMulSum");
  return static_cast<int>(made);
}

std::string nccl_version() {
  try {
    return NcclApi::load()->version();
  } catch (const EnvironmentError&) {
    return "";
  }
}

}  // namespace windtunnel::real

#endif
