// Values as SimGrid's XML writes them: "125MBps", "1Gbps" (bits), "50us", "10GiBps".
#pragma once

#include <optional>
#include <string_view>

namespace windtunnel::sim {

// Bytes per second; nothing where the text is not one.
std::optional<double> simgrid_bandwidth(std::string_view text);
// Seconds.
std::optional<double> simgrid_time(std::string_view text);

}  // namespace windtunnel::sim
