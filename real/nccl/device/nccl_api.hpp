// NCCL, loaded when it is first needed.
//
// The library is opened with dlopen and not linked: the same program then runs on machines without it
// (everything but collectives), and takes the NCCL that a cluster's module or container puts first on
// its library path, as a framework would. Looked for, in order: the file that WINDTUNNEL_NCCL names,
// libnccl.so.2 on the loader's path, lib64 and lib of CUDA_HOME and of /usr/local/cuda. nccl.h is
// needed when building; without it every use says so.
//
// Contract: what NCCL refuses is an EnvironmentError with the call, NCCL's word for it and its last
// message.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "real/nccl/collective_layout.hpp"
#include "sim/base/quantity.hpp"

struct ncclComm;  // NCCL's own opaque type

namespace windtunnel::real {

// One rank's share of a call; `send` and `receive` are its parts, not its buffers.
struct NcclOperands {
  const void* send = nullptr;
  void* receive = nullptr;
  ncclComm* communicator = nullptr;
  cudaStream_t stream = nullptr;
  std::int64_t rank = 0, root = 0;
  int reduction = 0;  // ncclSum; or what `scaled_sum` made
};

class NcclApi {
 public:
  // Throws EnvironmentError with what was looked for.
  static std::shared_ptr<const NcclApi> load();
  ~NcclApi();
  NcclApi(const NcclApi&) = delete;
  NcclApi& operator=(const NcclApi&) = delete;

  int version_code() const;     // 22809
  std::string version() const;  // "2.28.9"

  std::string unique_id() const;  // bytes to hand to every rank
  // On the current device; in a group where a process has several ranks.
  void init_rank(ncclComm** communicator, std::int64_t ranks, const std::string& id,
                 std::int64_t rank) const;
  void destroy(ncclComm* communicator) const noexcept;

  // Queues what `issue` issues as one group; ends the group also where it throws.
  void in_group(const std::function<void()>& issue) const;
  // As in_group, but runs nothing: NCCL's estimate of the group, none where it makes none.
  std::optional<base::Seconds> estimate(const std::function<void()>& issue) const;

  // Queues one rank's share. all_to_all and send_recv are sends and receives in a group of their own.
  void issue(const CollectiveCall& call, const NcclOperands& at) const;

  // A sum that first multiplies by `factor`: with one rank the only reduction that runs NCCL's own
  // kernel and not a copy. Destroyed with its communicator.
  int scaled_sum(ncclComm* communicator, Element type, double factor) const;

 private:
  struct Functions;
  NcclApi(void* library, std::unique_ptr<Functions> functions);
  void check(int result, const char* call) const;

  void* library_;
  std::unique_ptr<Functions> functions_;
};

// "2.28.9", or blank where NCCL cannot be had.
std::string nccl_version();

}  // namespace windtunnel::real
