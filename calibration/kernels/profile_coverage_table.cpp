#include "calibration/kernels/profile_coverage_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/device_sheet.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"

namespace windtunnel::calibration {
namespace {

using models::NumberFormat;

std::string ranges_text(const Component& component) {
  std::vector<std::string> parts;
  for (const auto& [name, range] : component.ranges) {
    parts.push_back(range.first == range.second
                        ? fmt::format("{} {:.6g}", name, range.first)
                        : fmt::format("{} {:.6g} to {:.6g}", name, range.first, range.second));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string error_text(const HeldOutError& error) {
  return fmt::format("{}: median {:.1f} %, nine in ten below {:.1f} %, {:.0f} % inside the band",
                     error.split, 100 * error.median, 100 * error.p90, 100 * error.inside_band);
}

void add_component(const Component& c, Detail detail, base::Table& table) {
  std::vector<std::string> errors;
  for (const HeldOutError& error : c.held_out) {
    errors.push_back(error_text(error));
    if (detail == Detail::brief) break;
  }
  const std::string coverage = errors.empty() ? "fitted; too few rows to hold some out"
                                              : fmt::format("{}", fmt::join(errors, "; "));
  if (detail == Detail::brief)
    table.rows.push_back({c.kind, c.format, c.rows_used, coverage});
  else
    table.rows.push_back({c.kind, c.format, c.rows_used, coverage, c.kernel, ranges_text(c)});
}

struct Missing {
  std::string kind, format;
  models::KernelQuery query;
};

// What a network asks for, in the formats that this GPU multiplies natively.
std::vector<Missing> expected(const sim::Gpu& gpu) {
  std::vector<Missing> out;
  for (const NumberFormat format : {NumberFormat::fp32, NumberFormat::tf32, NumberFormat::bf16,
                                    NumberFormat::fp16, NumberFormat::fp8, NumberFormat::nvfp4}) {
    if (!gpu.peak.contains(std::string(models::math_peak(format)))) continue;
    const std::string name(to_text(format));
    out.push_back(
        {"gemm", name, models::GemmQuery{.m = 1024, .n = 4096, .k = 4096, .format = format}});
    if (format == NumberFormat::fp32 || format == NumberFormat::tf32) continue;
    if (format != NumberFormat::nvfp4) {
      for (const auto phase : {models::AttentionPhase::context, models::AttentionPhase::decode,
                               models::AttentionPhase::backward}) {
        models::AttentionQuery query{.phase = phase,
                                     .heads = 32,
                                     .kv_heads = 8,
                                     .q_len = phase == models::AttentionPhase::decode ? 1 : 1024,
                                     .kv_len = 1024,
                                     .format = format,
                                     .kv_format = format};
        out.push_back({fmt::format("attention_{}", to_text(phase)), name, query});
      }
    }
    out.push_back({"moe", name,
                   models::MoeQuery{.tokens = 256,
                                    .hidden = 4096,
                                    .intermediate = 14336,
                                    .top_k = 2,
                                    .experts = 8,
                                    .format = format}});
  }
  for (const models::MemoryOp op :
       {models::MemoryOp::copy, models::MemoryOp::rms_norm, models::MemoryOp::layer_norm,
        models::MemoryOp::softmax, models::MemoryOp::swiglu, models::MemoryOp::gelu,
        models::MemoryOp::add, models::MemoryOp::rotary, models::MemoryOp::embedding,
        models::MemoryOp::cross_entropy, models::MemoryOp::optimizer})
    out.push_back({"memory", std::string(to_text(op)),
                   models::MemoryQuery{.op = op, .bytes = base::Bytes(1e7)}});
  out.push_back({"launch", "kernel", models::LaunchQuery{}});
  for (const auto direction : {models::CopyDirection::host_to_device,
                               models::CopyDirection::device_to_host, models::CopyDirection::peer})
    out.push_back(
        {"copy", std::string(to_text(direction)), models::CopyQuery{direction, base::Bytes(1e7)}});
  out.push_back(
      {"all_reduce", "graph", models::FusedAllReduceQuery{.gpus = 2, .bytes = base::Bytes(1e6)}});
  return out;
}

std::string provenance(const KernelProfile& profile) {
  return fmt::format("{}, stack {}, rows of {}; {}", profile.gpu,
                     profile.stack.empty() ? "not named" : profile.stack,
                     profile.date.empty() ? "an unknown date" : profile.date,
                     fmt::format("{} source files", profile.files.size()));
}

}  // namespace

base::Table kernel_coverage(const KernelProfile& profile, Detail detail) {
  base::Table table{{"kind", "format", "rows", "coverage"}, {}};
  if (detail == Detail::full) table.columns.insert(table.columns.end(), {"kernel", "ranges"});
  std::int64_t rows = 0;
  for (const Component& c : profile.components) rows += c.rows_used;
  const auto pad = [&](std::vector<base::Cell> row) {
    row.resize(table.columns.size(), std::string());
    table.rows.push_back(std::move(row));
  };
  pad({std::string("all"), std::string("all"), rows, provenance(profile)});
  std::set<std::pair<std::string, std::string>> covered;
  for (const Component& c : profile.components) {
    covered.insert({c.kind, c.format});
    if (c.kind != "sheet") add_component(c, detail, table);
  }
  const auto sheet = sheet_of(profile);
  if (!sheet) return table;
  std::vector<KernelProfile> answering{profile};
  for (const std::string& name : shipped_kernel_profiles_of(sheet->name))
    if (name != profile.name) answering.push_back(*shipped_kernel_profile(name));
  const DeviceModel model(std::move(answering), *sheet);
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> missing;
  for (const Missing& one : expected(*sheet))
    if (!covered.contains({one.kind, one.format}))
      missing[{one.kind, model.note(one.query)}].push_back(one.format);
  for (const auto& [key, formats] : missing)
    pad({key.first, fmt::format("{}", fmt::join(formats, ", ")), std::int64_t{0},
         "not measured: " + key.second});
  return table;
}

}  // namespace windtunnel::calibration
