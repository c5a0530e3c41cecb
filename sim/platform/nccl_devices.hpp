// Which GPU an NCCL topology means: PCI device ids and generations.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sim/base/quantity.hpp"

namespace windtunnel::sim {

enum class HasNvlink { no, yes };

struct NcclDevice {
  std::string name;  // of its data sheet
  std::string architecture;
  base::BytesPerSecond nvlink_link{0};  // one link, per direction, as NCCL 2.28 counts (topo.h)
  bool certain = true;                  // by device id; else the usual part of that generation
};

// `device` as in <pci device="0x2330">, may be empty. Nothing for a generation that is not known.
std::optional<NcclDevice> nccl_device(std::string_view device, int sm, HasNvlink nvlink);

}  // namespace windtunnel::sim
