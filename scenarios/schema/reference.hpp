// The reference page of the scenario file (scenarios/REFERENCE.md), from the tables that the loader
// reads.
#pragma once

#include <string>

namespace windtunnel::scenarios {

std::string reference_page();

}  // namespace windtunnel::scenarios
