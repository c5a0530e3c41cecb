// Nsight Systems' SQLite export: copies with their sizes; kernels by name only.
#include <fmt/format.h>
#include <sqlite3.h>

#include <functional>
#include <map>
#include <memory>

#include "calibration/kernels/kernel_csv.hpp"
#include "calibration/kernels/profiler_readers.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

using Database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;
using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

// CUPTI's numbers: CUpti_ActivityMemcpyKind and CUpti_ActivityMemoryKind.
constexpr int kHostToDevice = 1, kDeviceToHost = 2, kDeviceToDevice = 8, kPeerToPeer = 10;
constexpr int kPageable = 1;
constexpr double kNanosecond = 1e-9;

// Runs a query; false (and a diagnostic unless the table may be absent) where it cannot.
bool each_row(sqlite3* database, const char* sql, const std::function<void(sqlite3_stmt*)>& visit) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database, sql, -1, &raw, nullptr) != SQLITE_OK) return false;
  const Statement statement(raw, sqlite3_finalize);
  int code = sqlite3_step(raw);
  for (; code == SQLITE_ROW; code = sqlite3_step(raw)) visit(raw);
  return code == SQLITE_DONE;
}

std::string text_at(sqlite3_stmt* row, int column) {
  const unsigned char* text = sqlite3_column_text(row, column);
  return text == nullptr ? "" : reinterpret_cast<const char*>(text);
}

std::optional<models::CopyDirection> direction_of(int kind, bool pageable) {
  using models::CopyDirection;
  switch (kind) {
    case kHostToDevice:
      return pageable ? CopyDirection::host_to_device_pageable : CopyDirection::host_to_device;
    case kDeviceToHost:
      return pageable ? CopyDirection::device_to_host_pageable : CopyDirection::device_to_host;
    case kDeviceToDevice:
      return CopyDirection::device_to_device;
    case kPeerToPeer:
      return CopyDirection::peer;
    default:
      return std::nullopt;
  }
}

}  // namespace

void read_nsight(const std::filesystem::path& path, ProfilerRows& out) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const Database database(raw, sqlite3_close);
  std::string gpu;
  if (opened != SQLITE_OK ||
      !each_row(raw, "SELECT count(*) FROM sqlite_master", [](sqlite3_stmt*) {})) {
    out.kernels.diagnostics.error({path.string(), 0, 0},
                                  fmt::format("this SQLite file is damaged: {}",
                                              raw == nullptr ? "no memory" : sqlite3_errmsg(raw)));
    return;
  }
  each_row(raw, "SELECT name FROM TARGET_INFO_GPU ORDER BY id",
           [&](sqlite3_stmt* row) { gpu = gpu.empty() ? canonical_gpu(text_at(row, 0)) : gpu; });
  out.kernels.sources.push_back({path.string(), gpu, "nsight systems", "", "Nsight Systems"});

  std::map<std::pair<models::CopyDirection, double>, std::vector<double>> copies;
  const bool has_copies = each_row(
      raw, "SELECT copyKind, bytes, end - start, srcKind, dstKind FROM CUPTI_ACTIVITY_KIND_MEMCPY",
      [&](sqlite3_stmt* row) {
        const int kind = sqlite3_column_int(row, 0);
        const double bytes = sqlite3_column_double(row, 1);
        const double seconds = sqlite3_column_double(row, 2) * kNanosecond;
        const bool pageable = sqlite3_column_int(row, kind == kHostToDevice ? 3 : 4) == kPageable;
        const auto direction = direction_of(kind, pageable);
        if (direction && bytes >= 1 && seconds > 0) copies[{*direction, bytes}].push_back(seconds);
      });
  for (const auto& [key, times] : copies)
    out.kernels.copy.push_back(
        {{key.first, base::Bytes(key.second)}, base::Seconds(base::quantile(times, 0.5)), 0, 0});

  const bool has_kernels =
      each_row(raw,
               "SELECT s.value, count(*), sum(k.end - k.start) FROM CUPTI_ACTIVITY_KIND_KERNEL k "
               "JOIN StringIds s ON s.id = k.shortName GROUP BY s.value ORDER BY 3 DESC, 1",
               [&](sqlite3_stmt* row) {
                 out.kernels.skipped.push_back(
                     {{path.string(), 0},
                      fmt::format("{} calls of {}, {:.6g} s in all: Nsight Systems keeps no shapes",
                                  sqlite3_column_int64(row, 1), text_at(row, 0),
                                  sqlite3_column_double(row, 2) * kNanosecond)});
               });
  if (!has_copies && !has_kernels)
    out.kernels.diagnostics.error({path.string(), 0, 0},
                                  "no table CUPTI_ACTIVITY_KIND_KERNEL or "
                                  "CUPTI_ACTIVITY_KIND_MEMCPY: not an export of Nsight Systems "
                                  "with CUDA traced");
}

}  // namespace windtunnel::calibration
