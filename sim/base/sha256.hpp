// SHA-256 (FIPS 180-4), for provenance: which bytes a scenario or a measurement file held.
#pragma once

#include <string>
#include <string_view>

namespace windtunnel::base {

// The digest as 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace windtunnel::base
