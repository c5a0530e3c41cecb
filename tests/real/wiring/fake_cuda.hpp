// A CUDA runtime on the host, for tests of what is queued where: memory is ordinary memory full of
// NaNs, and a stream is a list of closures that run only when somebody waits, in any order that the
// events between streams allow. A missing event or wait then shows as a wrong result, for one of the
// seeds tried; a kernel queued on another device's stream is an error as it is in CUDA.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace windtunnel::fake {

// Devices to pretend; `seed` chooses the order in which streams go on. Pre: no streams are alive.
void reset(int devices, unsigned seed);

// A kernel: runs `work` once the stream comes to it. The stream's device must be current.
void launch(cudaStream_t stream, std::function<void()> work);
// Stays at the head of its stream until `ready`; `arrive` (may be empty) runs once when it gets there.
struct Gate {
  std::function<void()> arrive;
  std::function<bool()> ready;
};
void launch_gated(cudaStream_t stream, Gate gate, std::function<void()> work);

// Work that has been queued and not yet run, over all streams.
std::size_t pending();

}  // namespace windtunnel::fake
