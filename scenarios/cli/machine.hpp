// What this machine has that windtunnel can use but does not need: GPUs, CUDA, NCCL, and programs.
// Everything is looked for at run time (dlopen, PATH); nothing here fails where it is missing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/quantity.hpp"

namespace windtunnel::scenarios::cli {

struct SeenGpu {
  std::string name;
  base::Bytes memory{0};
};

struct CudaDriver {
  std::string version;        // "12.4", of the driver
  std::vector<SeenGpu> gpus;  // those the driver shows
  std::string trouble;        // why there are none, in the driver's words; empty if there are
};

// Nothing where there is no driver library.
std::optional<CudaDriver> find_cuda_driver();

// "2.21.5" of the NCCL library the loader finds.
std::optional<std::string> find_nccl();

// The path of a program on PATH.
std::optional<std::string> find_program(const std::string& name);

// Where the CUDA compiler stands: on PATH, or in the toolkit's usual place.
std::optional<std::string> find_nvcc();

}  // namespace windtunnel::scenarios::cli
