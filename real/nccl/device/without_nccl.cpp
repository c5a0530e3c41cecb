// What stands in for NCCL in a program built without nccl.h: every use says so.
#if !__has_include(<nccl.h>)

#include "real/nccl/device/nccl_api.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {

struct NcclApi::Functions {};

namespace {
[[noreturn]] void absent() {
  throw base::EnvironmentError(
      "this windtunnel-measure was built without NCCL (nccl.h was not found)");
}
}  // namespace

std::shared_ptr<const NcclApi> NcclApi::load() {
  absent();
}
NcclApi::NcclApi(void* library, std::unique_ptr<Functions> functions)
    : library_(library), functions_(std::move(functions)) {}
NcclApi::~NcclApi() = default;
void NcclApi::check(int, const char*) const {
  absent();
}
int NcclApi::version_code() const {
  absent();
}
std::string NcclApi::version() const {
  absent();
}
std::string NcclApi::unique_id() const {
  absent();
}
void NcclApi::init_rank(ncclComm**, std::int64_t, const std::string&, std::int64_t) const {
  absent();
}
void NcclApi::destroy(ncclComm*) const noexcept {}
void NcclApi::in_group(const std::function<void()>&) const {
  absent();
}
std::optional<base::Seconds> NcclApi::estimate(const std::function<void()>&) const {
  absent();
}
void NcclApi::issue(const CollectiveCall&, const NcclOperands&) const {
  absent();
}
int NcclApi::scaled_sum(ncclComm*, Element, double) const {
  absent();
}

std::string nccl_version() {
  return "";
}

}  // namespace windtunnel::real

#endif
