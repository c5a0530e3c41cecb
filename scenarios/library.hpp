// What can be named in a scenario: clusters, GPUs, example scenarios, algorithms and calibration
// profiles that ship inside the program.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::scenarios {

// Kinds: "clusters", "gpus", "models", "profiles", "scenarios" (as "collectives/ring-vs-tree"), "algorithms".
std::vector<std::string> library_kinds();

// Names of a kind in alphabetical order (algorithms: in the order of the contract); empty for no
// such kind.
std::vector<std::string> library_names(std::string_view kind);

// The YAML text of an entry; nothing for no such name, and for algorithms, which are not text.
std::optional<std::string_view> library_text(std::string_view kind, std::string_view name);

// The part of it that describes the whole entry: of a profile what stands before its components.
std::string_view library_head(std::string_view kind, std::string_view name);

// One line about an entry: its `description`, else its `source`; empty where it has none.
std::string library_description(std::string_view kind, std::string_view name);

// The path an entry has in the source tree, for messages:
// "scenarios/library/clusters/dgx-h100.yaml".
std::string library_path(std::string_view kind, std::string_view name);

}  // namespace windtunnel::scenarios
