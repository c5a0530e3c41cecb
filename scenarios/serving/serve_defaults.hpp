// What a benchmark of served requests does that its table does not say: how many requests, how their
// lengths vary, what the server was told. One entry a harness; every figure has its source.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/number_format.hpp"
#include "scenarios/serving/serve_row.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {

struct ServeHarness {
  std::string name;
  // Lengths are uniform between this share of the stated length and the length itself.
  double shortest = 1.0;
  std::int64_t requests_a_client = 10;  // closed loop
  std::int64_t max_batch = 256;         // 0: as many as there are clients
  std::int64_t max_tokens = 8192;
  strategies::ContinuousOrder order = strategies::ContinuousOrder::unified;
  bool polls_seldom =
      false;  // new requests are looked for every 10 steps, from 16 clients every 30
  double memory_fraction = 0.9;
  bool narrow_keys = false;  // 8-bit keys and values where weights are narrow
  bool prefix_caching = false;
  std::string source;
};
const std::vector<ServeHarness>& serve_harnesses();
const ServeHarness& harness_of(const ServeRow& row);
// Steps between looks at new requests for so many clients.
std::int64_t poll_steps_of(const ServeHarness& harness, std::int64_t clients);

// Requests of an offline run by its lengths, as TensorRT-LLM's performance overview states them.
std::int64_t offline_requests(std::int64_t input, std::int64_t output);

// A GPU of the library by what a table calls it ("NVIDIA H200-SXM-141GB", "h100_sxm", "A100 SXM
// 80GB"); "" where none is meant.
std::string gpu_name_of(std::string_view text);

}  // namespace windtunnel::scenarios
