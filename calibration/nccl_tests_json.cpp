#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "calibration/nccl_tests.hpp"

namespace windtunnel::calibration {
namespace {

using Json = nlohmann::json;

// Of a file cut off in the middle: everything up to the last whole result, with its brackets
// closed.
Json mended(std::string_view text) {
  std::size_t end = text.size();
  for (int attempt = 0; attempt < 64; ++attempt) {
    end = end == 0 ? std::string_view::npos : text.rfind('}', end - 1);
    if (end == std::string_view::npos) break;
    Json json = Json::parse(std::string(text.substr(0, end + 1)) + "]}", nullptr, false);
    if (!json.is_discarded() && json.is_object() && json.contains("results")) return json;
  }
  return Json();
}

std::string text_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  std::string out;
  if (json.is_array()) {
    for (const Json& part : json) out += text_of(part) + " ";
  }
  return out;
}

double number_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return 0.0;
  if (found->is_number()) return found->get<double>();
  return 0.0;
}

const Json& member(const Json& json, const char* key) {
  static const Json kNothing;
  if (!json.is_object()) return kNothing;
  const auto found = json.find(key);
  return found == json.end() ? kNothing : *found;
}

// us; out of place first, else in place; 0 where neither was measured.
double time_of(const Json& result) {
  for (const char* half : {"out_of_place", "in_place"}) {
    const Json& place = member(result, half);
    if (!place.is_object()) continue;
    for (const char* key : {"time", "cpu_time"}) {
      if (const double time = number_at(place, key); time > 0.0) return time;
    }
  }
  return 0.0;
}

struct Devices {
  int ranks = 0, processes = 0;
  std::set<std::string> hosts;
  std::string gpu;
};

// `devices` names the first GPU of each process; config says how many each drives.
Devices devices_of(const Json& root) {
  Devices out;
  const Json& config = member(root, "config");
  const Json& list =
      member(config, "devices").is_array() ? member(config, "devices") : member(root, "devices");
  std::set<std::string> processes;
  int named = 0;
  for (const Json& device : list) {
    if (!device.is_object() || number_at(device, "group") != 0.0) continue;
    ++named;
    const std::string host = text_of(member(device, "hostname"));
    out.hosts.insert(host);
    processes.insert(fmt::format("{}/{}", host, number_at(device, "pid")));
    out.gpu = gpu_from_product(text_of(member(device, "device_info")));
  }
  const double driven = number_at(config, "nthreads") * number_at(config, "ngpus");
  out.processes = static_cast<int>(processes.size());
  const int per_process = driven >= 1.0 && driven <= 1024.0 ? static_cast<int>(driven) : 1;
  out.ranks = std::max(named, out.processes * per_process);
  return out;
}

std::string stack_of(const Json& root) {
  const Json& version = member(root, "nccl_version");
  if (version.is_string()) return "nccl " + version.get<std::string>();
  if (!version.is_number()) return "";
  const int code = version.get<int>();
  return fmt::format("nccl {}.{}.{}", code / 10000, code / 100 % 100, code % 100);
}

std::optional<collectives::Op> op_of(const Json& root, const std::string& file,
                                     const LogHints& hints) {
  for (const char* key : {"collective_name", "collective", "args", "command", "program"}) {
    if (const auto op = op_from_words(text_of(member(root, key)))) return op;
  }
  if (hints.op) return hints.op;
  return op_from_words(std::filesystem::path(file).filename().string());
}

}  // namespace

bool looks_like_nccl_tests_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos || text[first] != '{') return false;
  return text.find("\"out_of_place\"") != std::string_view::npos ||
         text.find("\"in_place\"") != std::string_view::npos ||
         text.find("\"aggregated_iterations\"") != std::string_view::npos;
}

Measurements read_nccl_tests_json(std::string_view text, const std::string& file,
                                  const LogHints& hints) {
  Measurements out;
  Json root = Json::parse(text, nullptr, false);
  if (root.is_discarded()) {
    root = mended(text);
    if (root.is_null()) {
      out.diagnostics.error({file, 1, 1}, "this JSON breaks off before its first whole result");
      return out;
    }
    out.diagnostics.warning({file, 0, 0}, "this JSON breaks off; its whole results are used");
  }
  const Devices devices = devices_of(root);
  const auto op = op_of(root, file, hints);
  const auto [ranks, nodes] =
      shape_of_log(devices.ranks, static_cast<int>(devices.hosts.size()), 0, hints);
  int index = 0;
  for (const Json& result : member(root, "results")) {
    const RowOrigin origin{file, ++index};  // JSON has no lines: the number of the result
    const double time = time_of(result);
    std::string why;
    if (!op)
      why = "the file does not say which collective it measured";
    else if (ranks < 1)
      why = "the file does not say how many ranks there were";
    else if (ranks % nodes != 0)
      why = "the hosts have different numbers of ranks";
    else if (time <= 0.0)
      why = "this result has no time";
    if (!why.empty()) {
      out.skipped.push_back({origin, why});
      continue;
    }
    CollectiveMeasurement row;
    row.origin = origin;
    row.op = *op;
    row.bytes = base::Bytes(number_at(result, "size"));
    row.nodes = nodes;
    row.gpus_per_node = ranks / nodes;
    row.time = base::Seconds(time * 1e-6);
    row.gpu = devices.gpu;
    row.stack = stack_of(root);
    row.launch = devices.processes == ranks   ? "per_gpu_process"
                 : devices.processes == nodes ? "one_process_per_node"
                                              : "";
    row.source = file;
    out.collectives.push_back(std::move(row));
  }
  if (out.collectives.empty() && out.skipped.empty())
    out.diagnostics.error({file, 1, 1}, "no results in this nccl-tests JSON");
  return out;
}

}  // namespace windtunnel::calibration
