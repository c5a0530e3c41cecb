// nvbandwidth and nvbench.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>

#include "calibration/csv.hpp"
#include "calibration/kernels/kernel_csv.hpp"
#include "calibration/kernels/profiler_readers.hpp"

namespace windtunnel::calibration {
namespace {

using nlohmann::json;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// A number, or a number in quotes; both tools write either.
std::optional<double> number_in(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return number(value.get<std::string>());
  return std::nullopt;
}

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void skip(ProfilerRows& out, const std::filesystem::path& path, std::string reason) {
  out.kernels.skipped.push_back({{path.string(), 0}, std::move(reason)});
}

// The first product name anywhere in a list of devices.
std::string gpu_in(const json& node) {
  if (node.is_string()) {
    const std::string text = node.get<std::string>();
    return text.find("NVIDIA") != std::string::npos ? canonical_gpu(text) : "";
  }
  if (!node.is_structured()) return "";
  for (const json& one : node)
    if (std::string gpu = gpu_in(one); !gpu.empty()) return gpu;
  return "";
}

std::optional<models::CopyDirection> direction_of(const std::string& test) {
  using models::CopyDirection;
  const bool both = test.find("bidirectional") != std::string::npos;
  if (test.find("latency") != std::string::npos || test.find("all_to") != std::string::npos ||
      test.find("_to_all") != std::string::npos || test.find("one_to") != std::string::npos ||
      test.find("local") != std::string::npos)
    return std::nullopt;
  if (test.starts_with("device_to_device"))
    return both ? CopyDirection::peer_both_ways : CopyDirection::peer;
  if (both) return std::nullopt;
  if (test.starts_with("host_to_device")) return CopyDirection::host_to_device;
  if (test.starts_with("device_to_host")) return CopyDirection::device_to_host;
  return std::nullopt;
}

// nvbench: axis values and summaries as maps by lower-case name and by tag.
std::map<std::string, std::string> axes_of(const json& state) {
  std::map<std::string, std::string> axes;
  if (!state.contains("axis_values")) return axes;
  for (const json& axis : state.at("axis_values")) {
    const auto value = axis.find("value");
    if (value == axis.end()) continue;
    axes[lower(text_in(axis, "name"))] =
        value->is_string() ? value->get<std::string>() : value->dump();
  }
  return axes;
}

std::optional<double> summary(const json& state, const std::string& tag) {
  if (!state.contains("summaries")) return std::nullopt;
  for (const json& one : state.at("summaries")) {
    if (text_in(one, "tag") != tag || !one.contains("data")) continue;
    for (const json& entry : one.at("data"))
      if (text_in(entry, "name") == "value" && entry.contains("value"))
        return number_in(entry.at("value"));
  }
  return std::nullopt;
}

std::optional<models::GemmQuery> gemm_of(const std::map<std::string, std::string>& axes) {
  models::GemmQuery query;
  for (const auto& [name, member] :
       {std::pair{"m", &models::GemmQuery::m}, std::pair{"n", &models::GemmQuery::n},
        std::pair{"k", &models::GemmQuery::k}}) {
    const auto found = axes.find(name);
    const auto value = found == axes.end() ? std::nullopt : number(found->second);
    if (!value || *value < 1) return std::nullopt;
    query.*member = static_cast<std::int64_t>(*value);
  }
  for (const char* name : {"precision", "dtype", "t", "type"}) {
    const auto found = axes.find(name);
    if (found == axes.end()) continue;
    std::string word = lower(found->second);
    if (word == "f16") word = "fp16";
    if (word == "f32") word = "fp32";
    if (const auto format = models::number_format_from(word)) query.format = *format;
  }
  return query;
}

std::optional<models::MemoryOp> op_in(const std::string& name) {
  std::optional<models::MemoryOp> best;
  std::size_t longest = 0;
  for (int i = 0; i <= static_cast<int>(models::MemoryOp::kv_write); ++i) {
    const auto op = static_cast<models::MemoryOp>(i);
    const std::string_view word = to_text(op);
    if (name.find(word) != std::string::npos && word.size() > longest) {
      best = op;
      longest = word.size();
    }
  }
  return best;
}

void add_state(const json& benchmark, const json& state, std::int32_t source,
               const std::filesystem::path& path, ProfilerRows& out) {
  const std::string name = text_in(benchmark, "name");
  if (state.value("is_skipped", false))
    return skip(out, path, fmt::format("{}: nvbench skipped this state", name));
  const auto time = summary(state, "nv/cold/time/gpu/mean");
  if (!time || !(*time > 0.0) || !std::isfinite(*time))
    return skip(out, path, fmt::format("{}: nv/cold/time/gpu/mean is not a time above 0", name));
  if (const auto gemm = gemm_of(axes_of(state))) {
    out.kernels.gemm.push_back({*gemm, base::Seconds(*time), source, 0});
    return;
  }
  const auto rate = summary(state, "nv/cold/bw/global/bytes_per_second");
  const auto op = op_in(lower(name));
  if (!op || !rate || !(*rate > 0.0))
    return skip(out, path,
                fmt::format("{}: neither m, n, k axes nor a memory-bound op with its bytes", name));
  out.kernels.memory.push_back(
      {{*op, base::Bytes(*rate * *time), 0}, base::Seconds(*time), source, 0});
}

}  // namespace

void read_nvbandwidth(const json& root, const std::filesystem::path& path, ProfilerRows& out) {
  const json& all = root.at("nvbandwidth");
  constexpr double kMebi = 1024.0 * 1024.0, kDefaultBuffer = 512.0;
  const auto buffer = all.contains("bufferSize") ? number_in(all.at("bufferSize")) : std::nullopt;
  const double bytes = buffer.value_or(kDefaultBuffer) * kMebi;
  out.kernels.sources.push_back({path.string(), gpu_in(all),
                                 "nvbandwidth " + text_in(all, "git_version"), "", "nvbandwidth"});
  for (const json& test : all.at("testcases")) {
    const std::string name = text_in(test, "name");
    const auto direction = direction_of(name);
    if (!direction || !test.contains("bandwidth_matrix")) {
      skip(out, path, fmt::format("{}: no copy between one pair at a time", name));
      continue;
    }
    for (const json& row : test.at("bandwidth_matrix")) {
      for (const json& cell : row) {
        const auto rate = number_in(cell);
        if (!rate) continue;  // N/A on the diagonal
        if (!(*rate > 0.0)) {
          skip(out, path, fmt::format("{}: a bandwidth of {}", name, *rate));
          continue;
        }
        out.kernels.copy.push_back(
            {{*direction, base::Bytes(bytes)}, base::Seconds(bytes / (*rate * 1e9)), 0, 0});
      }
    }
  }
}

void read_nvbench(const json& root, const std::filesystem::path& path, ProfilerRows& out) {
  std::map<std::int64_t, std::string> gpus;
  if (root.contains("devices"))
    for (const json& device : root.at("devices"))
      gpus[device.value("id", std::int64_t{0})] = canonical_gpu(text_in(device, "name"));
  for (const json& benchmark : root.at("benchmarks")) {
    for (const json& state : benchmark.at("states")) {
      const std::string gpu = gpus[state.value("device", std::int64_t{0})];
      out.kernels.sources.push_back(
          {path.string(), gpu, "nvbench", text_in(benchmark, "name"), "nvbench"});
      add_state(benchmark, state, static_cast<std::int32_t>(out.kernels.sources.size()) - 1, path,
                out);
    }
  }
}

}  // namespace windtunnel::calibration
