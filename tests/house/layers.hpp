// Which folder may include which. Architecture: scenarios, then reports and strategies and real,
// then calibration, then collectives and models, then sim; inside sim engine, platform, base. No
// arrow runs back up, and nothing below strategies knows SimGrid, so that windtunnel-measure does
// not link it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::house {

// What is wrong with the file at `path` including "`target`", as a sentence; nothing where it may.
// Includes of other than the project's folders are not judged here.
std::optional<std::string> wrong_arrow(std::string_view path, std::string_view target);

}  // namespace windtunnel::house
