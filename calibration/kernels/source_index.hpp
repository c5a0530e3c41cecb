// The sources of one native table by (GPU, stack, kernel): finds or adds them in a KernelRows.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"

namespace windtunnel::calibration {

inline void skip_row(const NativeTable& table, std::size_t row, std::string reason,
                     const std::filesystem::path& path, KernelRows& rows) {
  rows.skipped.push_back({{path.string(), table.line(row)}, std::move(reason)});
}

class SourceIndex {
 public:
  // `file`: the table's path; `published`: who published it. `rows` outlives the index.
  SourceIndex(KernelRows& rows, std::string file, std::string published)
      : rows_(rows), file_(std::move(file)), published_(std::move(published)) {}

  std::int32_t of(std::string_view gpu, std::string_view stack, std::string_view kernel) {
    const auto key = std::tuple(std::string(gpu), std::string(stack), std::string(kernel));
    const auto [at, is_new] = known_.emplace(key, static_cast<std::int32_t>(rows_.sources.size()));
    if (is_new) {
      rows_.sources.push_back(
          {file_, std::string(gpu), std::string(stack), std::string(kernel), published_});
    }
    return at->second;
  }

 private:
  KernelRows& rows_;
  std::string file_, published_;
  std::map<std::tuple<std::string, std::string, std::string>, std::int32_t> known_;
};

}  // namespace windtunnel::calibration
