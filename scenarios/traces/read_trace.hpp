// Requests of a trace file, in the formats that are public, told apart by their first line:
//
//   own        arrival_s,input_tokens,output_tokens[,prefix_id,prefix_tokens]
//   Vidur      arrived_at,num_prefill_tokens,num_decode_tokens   seconds
//   Azure      TIMESTAMP,ContextTokens,GeneratedTokens           date and time, 2023 and 2024
//   BurstGPT   Timestamp,Model,Request tokens,Response tokens,...  seconds
//   Mooncake   one JSON object a line: timestamp (ms), input_length, output_length, hash_ids (one
//              for each 512 tokens of the input; equal ids are equal beginnings)
//
// The first request arrives at 0 (own and Vidur keep their times). A name that ends in .gz, and any
// other gzipped file, is unpacked as it is read.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/diagnostics.hpp"
#include "strategies/serve/request.hpp"

namespace windtunnel::scenarios {

using Trace = std::shared_ptr<const std::vector<strategies::Request>>;

// All that is wrong with the file goes to `diagnostics` at its line and column (the first 20);
// null if there is any. Requests are in order of arrival. Throws EnvironmentError where the file
// cannot be read.
Trace read_trace(const std::string& path, base::Diagnostics& diagnostics);

// Traces that were read, so that the points of a sweep share them.
class TraceShelf {
 public:
  Trace at(const std::string& path, base::Diagnostics& diagnostics);

 private:
  std::map<std::string, Trace> read_;  // null: has errors, which were said
};

}  // namespace windtunnel::scenarios
