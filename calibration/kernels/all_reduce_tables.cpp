#include "calibration/kernels/all_reduce_tables.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <tuple>

#include "calibration/kernels/native_names.hpp"
#include "calibration/nccl_tests.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kMillisecond = 1e-3;

double element_bytes(std::string_view dtype) {
  if (dtype == "int8" || dtype == "uint8" || dtype == "fp8") return 1.0;
  const auto format = models::number_format_from(dtype);
  return format ? models::weight_bytes(*format) : 0.0;
}

// What both tables have in a row; a reason where it cannot be used.
struct CommRow {
  double bytes = 0.0, seconds = 0.0;
  std::int64_t gpus = 0;
  std::string reason;
};

CommRow read_row(const NativeTable& table, std::size_t row, int dtype_column) {
  CommRow out;
  const std::string_view dtype = table.text(row, dtype_column);
  const double elements = table.number(row, table.column("message_size"));
  const double latency = table.number(row, table.column("latency"));
  out.gpus = table.integer(row, table.column("num_gpus"));
  out.bytes = elements * element_bytes(dtype);
  out.seconds = latency * kMillisecond;
  if (element_bytes(dtype) == 0.0)
    out.reason = fmt::format("unknown data type '{}'", dtype);
  else if (!(elements >= 1.0))
    out.reason = "message_size is not a count";
  else if (out.gpus < 2 || out.gpus > 1024)
    out.reason = "num_gpus is not a count of at least 2";
  else if (!(latency > 0.0))
    out.reason = fmt::format("latency is '{}', not a time above 0",
                             table.text(row, table.column("latency")));
  return out;
}

void skip(const NativeTable& table, std::size_t row, const std::filesystem::path& path,
          std::string reason, KernelRows& rows) {
  rows.skipped.push_back({{path.string(), table.line(row)}, std::move(reason)});
}

std::string published(const NativeTable& table) {
  return "aiconfigurator " + table.file().name;
}

}  // namespace

bool is_nccl_table(const NativeTable& table) {
  return table.has({"nccl_dtype", "num_gpus", "message_size", "op_name", "latency"});
}

void read_nccl_table(const NativeTable& table, const std::filesystem::path& path,
                     KernelRows& rows) {
  const int dtype = table.column("nccl_dtype"), op_column = table.column("op_name");
  const int device = table.column("device"), version = table.column("version");
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const CommRow read = read_row(table, i, dtype);
    const auto op = op_from_words(table.text(i, op_column));
    if (!read.reason.empty() || !op) {
      skip(table, i, path,
           read.reason.empty() ? fmt::format("unknown op '{}'", table.text(i, op_column))
                               : read.reason,
           rows);
      continue;
    }
    CollectiveMeasurement made;
    made.origin = {path.string(), table.line(i)};
    made.op = *op;
    made.bytes = base::Bytes(read.bytes);
    made.time = base::Seconds(read.seconds);
    made.gpus_per_node = static_cast<int>(read.gpus);
    made.gpu = gpu_of_device(table.text(i, device));
    made.stack =
        version == NativeTable::kAbsent ? "" : fmt::format("nccl {}", table.text(i, version));
    made.launch = "per_gpu_process";
    made.source = published(table);
    rows.collectives.push_back(std::move(made));
  }
}

bool is_custom_all_reduce_table(const NativeTable& table) {
  return table.has({"allreduce_dtype", "num_gpus", "message_size", "latency"});
}

void read_custom_all_reduce_table(const NativeTable& table, const std::filesystem::path& path,
                                  KernelRows& rows) {
  const int dtype = table.column("allreduce_dtype"), device = table.column("device");
  const int kernel = table.column("kernel_source"), backend = table.column("backend");
  const int framework = table.column("framework"), version = table.column("version");
  std::map<std::tuple<std::string, std::string, std::string>, std::int32_t> known;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const CommRow read = read_row(table, i, dtype);
    if (!read.reason.empty()) {
      skip(table, i, path, read.reason, rows);
      continue;
    }
    const std::string words =
        std::string(table.text(i, kernel)) + std::string(table.text(i, backend));
    const bool eager = words.find("eager") != std::string::npos;
    const auto gpu = gpu_of_device(table.text(i, device));
    const auto stack = stack_text(table.text(i, framework), table.text(i, version));
    const auto [at, is_new] =
        known.emplace(std::tuple(gpu, stack, std::string(table.text(i, kernel))),
                      static_cast<std::int32_t>(rows.sources.size()));
    if (is_new)
      rows.sources.push_back(
          {path.string(), gpu, stack, std::string(table.text(i, kernel)), published(table)});
    rows.all_reduce.push_back({{read.gpus, base::Bytes(read.bytes),
                                eager ? models::DispatchMode::eager : models::DispatchMode::graph},
                               base::Seconds(read.seconds),
                               at->second,
                               table.line(i)});
  }
}

}  // namespace windtunnel::calibration
