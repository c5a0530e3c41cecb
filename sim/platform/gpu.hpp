// A GPU as its data sheet describes it. Peaks are dense (no 2:4 sparsity); bandwidths are bytes/s,
// SI. Sheets are models/gpus/*.yaml; their memory is what the device reports, which the data
// sheet's "80 GB" is in GiB for most parts.
#pragma once

#include <map>
#include <string>

#include "sim/base/quantity.hpp"

namespace windtunnel::sim {

struct Gpu {
  std::string name{};
  std::string architecture{};  // volta turing ampere ada hopper blackwell
  base::Bytes memory{0};
  base::BytesPerSecond memory_bandwidth{0};
  std::map<std::string, base::FlopsPerSecond>
      peak{};                                // by precision: fp32 tf32 fp16 bf16 fp8 int8 nvfp4 ...
  base::BytesPerSecond nvlink_bandwidth{0};  // per direction, all links; 0 where there are none
  int nvlink_links = 0;
  base::BytesPerSecond pcie_bandwidth{0};  // per direction, to the host: PCIe, or NVLink-C2C in
                                           // its place (GH200, GB200)
  int streaming_multiprocessors = 0;
  base::Bytes l2_cache{0};
  base::Watts power{0};
  std::string source{};  // where the figures are published
};

}  // namespace windtunnel::sim
