// How large a model would be, in doubles, before any network of it is built:
// counts of a network are int64 and must not wrap.
//
// Parameters are bounded from above by the sum of the matrices' fields
// multiplied out (norms, biases and routers are left out: they are smaller than
// the matrices beside them), activations of an image by its positions times the
// channels of the first stage.
#pragma once

#include <optional>
#include <string>

#include "models/networks/model.hpp"

namespace windtunnel::models {

// More than a million times the largest model trained, and 9 times less than an
// int64 holds.
inline constexpr double kMostParameters = 1e18;

// A sentence that begins with a field and names those whose product is too
// large; nothing where the model can be counted. Pre: derived values are filled
// in.
std::optional<std::string> too_large(const Architecture& architecture);

}  // namespace windtunnel::models
