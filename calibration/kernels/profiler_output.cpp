#include "calibration/kernels/profiler_output.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <memory>

#include "calibration/kernels/profiler_readers.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSqlite = "SQLite format 3";
constexpr std::size_t kLargestTrace = std::size_t{4} << 30;

// The whole file, inflated where it is gzip.
std::string inflated(const fs::path& path, std::size_t at_most) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw base::EnvironmentError("cannot read " + path.string());
  std::string text;
  std::array<char, 1 << 16> block{};
  while (text.size() < at_most) {
    const int got = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    if (got <= 0) break;  // what is missing shows when the JSON is parsed
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

ProfilerFormat format_of(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return ProfilerFormat::none;
  const auto has = [&](std::string_view key) { return text.find(key) != std::string_view::npos; };
  if (has("\"traceEvents\"")) return ProfilerFormat::kineto;
  if (has("\"nvbandwidth\"")) return ProfilerFormat::nvbandwidth;
  if (has("\"benchmarks\"") && has("\"states\"")) return ProfilerFormat::nvbench;
  return ProfilerFormat::none;
}

std::string_view name_of(ProfilerFormat format) {
  switch (format) {
    case ProfilerFormat::nvbandwidth:
      return "nvbandwidth JSON";
    case ProfilerFormat::nvbench:
      return "nvbench JSON";
    case ProfilerFormat::kineto:
      return "Kineto trace";
    case ProfilerFormat::nsight:
      return "Nsight Systems SQLite";
    case ProfilerFormat::none:
      break;
  }
  return "";
}

base::SourceLocation place_of(std::string_view text, std::size_t offset, const fs::path& path) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {path.string(), line, static_cast<int>(before.size() - start) + 1};
}

}  // namespace

ProfilerFile open_profiler_file(const fs::path& path) {
  constexpr std::size_t kHead = 64;
  std::ifstream in(path, std::ios::binary);
  std::string head(kHead, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  if (head.starts_with(kSqlite)) return {ProfilerFormat::nsight, ""};
  std::string start = inflated(path, kHead);
  const std::size_t first = start.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || start[first] != '{') return {};
  ProfilerFile out;
  out.text = inflated(path, kLargestTrace);
  out.format = format_of(out.text);
  return out;
}

ProfilerRows read_profiler_file(const ProfilerFile& file, const fs::path& path) {
  ProfilerRows out;
  std::string hashed = file.text;
  if (file.format == ProfilerFormat::nsight) {
    read_nsight(path, out);
    std::ifstream in(path, std::ios::binary);
    hashed.assign(std::istreambuf_iterator<char>(in), {});
  } else {
    try {
      const nlohmann::json root = nlohmann::json::parse(file.text);
      if (file.format == ProfilerFormat::kineto) read_kineto(root, path, out);
      if (file.format == ProfilerFormat::nvbandwidth) read_nvbandwidth(root, path, out);
      if (file.format == ProfilerFormat::nvbench) read_nvbench(root, path, out);
    } catch (const nlohmann::json::parse_error& problem) {
      out.kernels.diagnostics.error(
          place_of(file.text, problem.byte > 0 ? problem.byte - 1 : 0, path),
          fmt::format("this is no whole {}: it breaks off or is damaged here",
                      name_of(file.format)));
    } catch (const nlohmann::json::exception& problem) {
      out.kernels.diagnostics.error({path.string(), 1, 1},
                                    fmt::format("this {} does not have the fields that are due: {}",
                                                name_of(file.format), problem.what()));
    }
  }
  out.kernels.files.push_back(
      {path.filename().string(), base::sha256(hashed), std::string(name_of(file.format))});
  return out;
}

}  // namespace windtunnel::calibration
