// All-reduces over all GPUs of the machine, beside a kernel on the session's.
#include <fmt/format.h>

#include <vector>

#include "real/benchmark.hpp"
#include "real/cuda/background_load.hpp"
#include "real/nccl/collective_layout.hpp"
#include "real/nccl/device/clique.hpp"
#include "real/nccl/device/collective_run.hpp"
#include "real/nccl/device/nccl_api.hpp"

namespace windtunnel::real {
namespace {

constexpr std::int64_t kBytes = 256LL << 20;

// The session's device first: the clique leaves its first device current.
std::vector<int> all_devices(int first) {
  std::vector<int> devices{first};
  for (int device = 0; device < device_count(); ++device) {
    if (device != first) devices.push_back(device);
  }
  return devices;
}

class Collectives : public BackgroundLoad {
 public:
  explicit Collectives(const std::vector<int>& devices)
      : clique_(std::make_shared<NcclClique>(NcclApi::load(), devices, peers_, NcclSetting{})),
        run_(clique_,
             call_of({.op = collectives::Op::all_reduce,
                      .ranks = static_cast<std::int64_t>(devices.size()),
                      .type = Element::bf16},
                     kBytes),
             Reduction::sum) {}
  void queue_piece() override { run_.issue(); }
  const Stream& stream() const override { return *clique_->members().front().stream; }

 private:
  NoPeers peers_;
  std::shared_ptr<const NcclClique> clique_;
  CollectiveRun run_;
};

}  // namespace

std::unique_ptr<BackgroundLoad> make_collectives(const Session& session) {
  if (device_count() < 2) {
    throw PointRefused("a collective between GPUs needs two of them; this machine has 1");
  }
  try {
    return std::make_unique<Collectives>(all_devices(session.facts().index));
  } catch (const base::EnvironmentError& error) {
    throw PointRefused(error.what());
  }
}

}  // namespace windtunnel::real
