#include "calibration/serve_tables.hpp"

#include <algorithm>
#include <array>

namespace windtunnel::calibration {
namespace {

struct Layout {
  std::string_view name;
  std::array<std::string_view, 4> columns;  // all of them
};

constexpr std::array<Layout, 5> kLayouts{{
    {"requests", {"input_toks", "output_toks", "arrival_s", "tpot_s"}},
    {"points", {"isl", "osl", "concurrency", "tpot_ms"}},
    {"throughput", {"isl", "osl", "metric", "value"}},
    {"mlperf", {"benchmark", "scenario", "accelerator", "samples_per_s"}},
    {"phases", {"prompt_size", "batch_size", "prompt_time", "token_time"}},
}};

}  // namespace

std::optional<std::string_view> serve_table_of(const std::vector<std::string>& header) {
  const auto there = [&](std::string_view column) {
    return std::find(header.begin(), header.end(), column) != header.end();
  };
  for (const Layout& layout : kLayouts) {
    if (std::all_of(layout.columns.begin(), layout.columns.end(), there)) return layout.name;
  }
  return std::nullopt;
}

std::optional<std::string_view> serve_table_of_line(std::string_view line) {
  std::vector<std::string> header;
  while (true) {
    const std::size_t comma = line.find(',');
    std::string_view name = line.substr(0, comma);
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
      name = name.substr(1, name.size() - 2);
    header.emplace_back(name);
    if (comma == std::string_view::npos) break;
    line.remove_prefix(comma + 1);
  }
  return serve_table_of(header);
}

}  // namespace windtunnel::calibration
