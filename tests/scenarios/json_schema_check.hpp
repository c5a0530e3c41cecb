// Enough of JSON Schema draft 2020-12 to hold documents against the schema that windtunnel prints.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace windtunnel::scenarios {

// What does not fit, one sentence each, with the path in the document. Knows: $ref into $defs,
// type, enum, anyOf, not, properties, additionalProperties, required, items, minItems, maxItems,
// minimum, maximum, exclusiveMinimum, pattern. An unknown keyword throws, so that none is left
// unchecked.
std::vector<std::string> schema_violations(const nlohmann::ordered_json& document,
                                           const nlohmann::ordered_json& schema);

}  // namespace windtunnel::scenarios
