// What `windtunnel list models` shows.
#pragma once

#include <string>

#include "sim/base/fact.hpp"

namespace windtunnel::scenarios::cli {

// A row a model of the library: kind, parameters, sizes, where its figures come from.
base::Table table_of_models();

// A row an op of one model, blocks in the order a sample passes them: FLOPs, bytes and kept
// activations of one sample, forward and backward, on one device.
// Pre: the name is one of the library (canonical_model_name).
base::Table table_of_model(const std::string& name);
// What the figures of table_of_model() stand for.
std::string terms_of_model(const std::string& name);

}  // namespace windtunnel::scenarios::cli
