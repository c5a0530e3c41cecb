// The JSON Schema (draft 2020-12) of the scenario file, for editors, from the tables that the
// loader reads.
//
// It is as strict as a schema can be about keys, kinds and words; units, paths, and what depends on
// two values are the loader's to check.
#pragma once

#include <string>

namespace windtunnel::scenarios {

// Pretty-printed, with a newline at the end.
std::string json_schema();

}  // namespace windtunnel::scenarios
