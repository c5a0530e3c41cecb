#include "sim/platform/nccl_devices.hpp"

#include <array>

namespace windtunnel::sim {
namespace {

// Device ids as in the public PCI ID list.
struct Known {
  std::string_view device;
  std::string_view name;
};
constexpr std::array kDevices{Known{"0x1db1", "v100-sxm-16gb"},
                              Known{"0x1db5", "v100-sxm-32gb"},
                              Known{"0x1db4", "v100-pcie-16gb"},
                              Known{"0x1eb8", "t4"},
                              Known{"0x20b0", "a100-sxm-40gb"},
                              Known{"0x20b2", "a100-sxm-80gb"},
                              Known{"0x20b5", "a100-pcie-80gb"},
                              Known{"0x2204", "rtx-3090"},
                              Known{"0x2235", "a40"},
                              Known{"0x2684", "rtx-4090"},
                              Known{"0x26b9", "l40s"},
                              Known{"0x2330", "h100-sxm"},
                              Known{"0x2331", "h100-pcie"},
                              Known{"0x2324", "h800-sxm"},
                              Known{"0x2329", "h20"},
                              Known{"0x2335", "h200-sxm"},
                              Known{"0x2342", "gh200"},
                              Known{"0x2901", "b200-sxm"},
                              Known{"0x2941", "gb200"},
                              Known{"0x3182", "b300-sxm"},
                              Known{"0x31c2", "gb300"},
                              Known{"0x2bb1", "rtx-pro-6000"},
                              Known{"0x2bb5", "rtx-pro-6000"}};

struct Generation {
  int sm;
  std::string_view architecture;
  std::string_view with_nvlink;
  std::string_view without;
  double link;  // bytes/s
};
constexpr std::array kGenerations{
    Generation{70, "volta", "v100-sxm-32gb", "v100-pcie-16gb", 20e9},
    Generation{75, "turing", "t4", "t4", 20e9},
    Generation{80, "ampere", "a100-sxm-80gb", "a100-pcie-80gb", 20e9},
    Generation{86, "ampere", "rtx-3090", "rtx-3090", 12e9},
    Generation{89, "ada", "l40s", "l40s", 20e9},
    Generation{90, "hopper", "h100-sxm", "h100-pcie", 20.6e9},
    Generation{100, "blackwell", "b200-sxm", "b200-sxm", 40.1e9},
    Generation{103, "blackwell", "b300-sxm", "b300-sxm", 40.1e9},
    Generation{120, "blackwell", "rtx-pro-6000", "rtx-pro-6000", 40.1e9}};

}  // namespace

std::optional<NcclDevice> nccl_device(std::string_view device, int sm, HasNvlink nvlink) {
  for (const Generation& generation : kGenerations) {
    if (generation.sm != sm) continue;
    const bool linked = nvlink == HasNvlink::yes;
    NcclDevice found{.name = std::string(linked ? generation.with_nvlink : generation.without),
                     .architecture = std::string(generation.architecture),
                     .nvlink_link = base::BytesPerSecond{generation.link},
                     .certain = false};
    for (const Known& known : kDevices) {
      if (known.device != device) continue;
      found.name = known.name;
      found.certain = true;
    }
    return found;
  }
  return std::nullopt;
}

}  // namespace windtunnel::sim
