#include "calibration/kernels/kernel_calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/device_sheet.hpp"
#include "calibration/kernels/kernel_fit.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

using Key = std::pair<std::string, std::string>;  // GPU, stack

std::map<Key, std::size_t> count_rows(const KernelRows& rows) {
  std::map<Key, std::size_t> counts;
  for_each_kind(rows, [&](const auto& kind) {
    for (const auto& row : kind) {
      const RowSource& source = rows.sources[static_cast<std::size_t>(row.source)];
      ++counts[{source.gpu, source.stack}];
    }
  });
  for (const InterferenceRow& row : rows.interference) {
    const RowSource& source = rows.sources[static_cast<std::size_t>(row.source)];
    ++counts[{source.gpu, source.stack}];
  }
  return counts;
}

// Where a blank stack belongs: to the only named stack of its GPU.
std::map<Key, Key> homes(const std::map<Key, std::size_t>& counts) {
  std::map<Key, Key> out;
  for (const auto& [key, count] : counts) {
    Key home = key;
    if (key.second.empty()) {
      std::vector<std::string> named;
      for (const auto& [other, n] : counts)
        if (other.first == key.first && !other.second.empty()) named.push_back(other.second);
      if (named.size() == 1) home.second = named[0];
    }
    out[key] = home;
  }
  return out;
}

std::vector<MeasurementFile> files_of(const KernelRows& rows) {
  std::vector<MeasurementFile> out = rows.files;
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.sha256) < std::tie(b.name, b.sha256);
  });
  return out;
}

void append(std::vector<Component>& to, std::vector<Component> more) {
  std::move(more.begin(), more.end(), std::back_inserter(to));
}

std::vector<Component> fit_all(const KernelRows& rows, const sim::Gpu& gpu) {
  std::vector<Component> out;
  for (const auto fit :
       {fit_gemm, fit_attention, fit_moe, fit_memory, fit_launch_and_copy, fit_all_reduce})
    append(out, fit(rows, gpu));
  return out;
}

// Keeps only files that hold rows of this part: each part has its own provenance.
void keep_own_files(KernelRows& rows) {
  std::vector<std::string> names;
  for_each_kind(rows, [&](const auto& kind) {
    for (const auto& row : kind) {
      const std::string name =
          std::filesystem::path(rows.sources[static_cast<std::size_t>(row.source)].file)
              .filename()
              .string();
      if (names.empty() || names.back() != name) names.push_back(name);
    }
  });
  std::sort(names.begin(), names.end());
  std::erase_if(rows.files, [&](const MeasurementFile& file) {
    return !std::binary_search(names.begin(), names.end(), file.name);
  });
}

std::optional<KernelProfile> fit_part(const RowPart& part, const KernelCalibrateOptions& options,
                                      base::Diagnostics& diagnostics) {
  KernelProfile out;
  out.gpu = part.gpu;
  out.stack = part.stack;
  out.name = kernel_profile_name(part.gpu, part.stack);
  out.date = options.date;
  out.tool_version = options.tool_version;
  out.source = options.source;
  out.files = files_of(part.rows);
  std::optional<sim::Gpu> gpu = models::gpu_named(part.gpu);
  if (!gpu) {
    gpu = sheet_from_rows(part.rows, part.gpu);
    if (!gpu) {
      diagnostics.error({},
                        fmt::format("'{}' has no data sheet, and no GEMM or memory rows to take "
                                    "its rates from",
                                    part.gpu));
      return std::nullopt;
    }
    diagnostics.warning({},
                        fmt::format("'{}' is not in `list gpus`{}: its peaks are taken from its "
                                    "own rows",
                                    part.gpu, base::did_you_mean(part.gpu, models::gpu_names())));
    out.components.push_back(sheet_component(*gpu));
  }
  append(out.components, fit_all(part.rows, *gpu));
  return out;
}

}  // namespace

std::vector<RowPart> part_rows(const KernelRows& rows) {
  const std::map<Key, Key> home = homes(count_rows(rows));
  std::map<Key, RowPart> parts;
  for (const auto& [from, to] : home) {
    RowPart& part = parts[to];
    part.gpu = to.first;
    part.stack = to.second;
    part.rows.sources = rows.sources;
    part.rows.files = rows.files;
  }
  const auto key_of = [&](std::int32_t source) {
    const RowSource& from = rows.sources[static_cast<std::size_t>(source)];
    return Key{from.gpu, from.stack};
  };
  const auto part_of = [&](std::int32_t source) -> KernelRows& {
    return parts.at(home.at(key_of(source))).rows;
  };
  for (const auto& row : rows.gemm) part_of(row.source).gemm.push_back(row);
  for (const auto& row : rows.attention) part_of(row.source).attention.push_back(row);
  for (const auto& row : rows.moe) part_of(row.source).moe.push_back(row);
  for (const auto& row : rows.memory) part_of(row.source).memory.push_back(row);
  for (const auto& row : rows.launch) part_of(row.source).launch.push_back(row);
  for (const auto& row : rows.copy) part_of(row.source).copy.push_back(row);
  for (const auto& row : rows.all_reduce) part_of(row.source).all_reduce.push_back(row);
  for (const auto& row : rows.interference) part_of(row.source).interference.push_back(row);
  std::vector<RowPart> out;
  for (auto& [key, part] : parts) {
    keep_own_files(part.rows);
    out.push_back(std::move(part));
  }
  return out;
}

KernelCalibration calibrate_kernels(const KernelRows& rows, const KernelCalibrateOptions& options) {
  KernelCalibration out;
  for (const RowPart& part : part_rows(rows)) {
    if (part.gpu.empty()) {
      out.diagnostics.error(
          {}, fmt::format("{} rows do not name their GPU: pass --gpu NAME", part.rows.size()));
      continue;
    }
    if (auto profile = fit_part(part, options, out.diagnostics))
      out.profiles.push_back(std::move(*profile));
  }
  if (out.profiles.size() == 1 && !options.name.empty()) out.profiles[0].name = options.name;
  return out;
}

}  // namespace windtunnel::calibration
