#include "scenarios/cli/calibrate_kernels_output.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "calibration/kernels/kernel_profile_file.hpp"
#include "calibration/kernels/kernel_validate.hpp"
#include "reports/write_file.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios::cli {

namespace {

namespace fs = std::filesystem;
using calibration::KernelProfile;

// "rows of 2 stacks: h100-sxm trtllm 1.3.0rc20 (1200 rows), ...".
std::string parts_text(const std::vector<calibration::RowPart>& parts) {
  std::vector<std::string> words;
  for (const calibration::RowPart& part : parts)
    words.push_back(fmt::format("{} {} ({} rows)", part.gpu.empty() ? "GPU not named" : part.gpu,
                                part.stack.empty() ? "stack not named" : part.stack,
                                part.rows.size()));
  return fmt::format("{}", fmt::join(words, "\n  "));
}

std::string head_path(const KernelProfile& profile, const KernelTarget& target) {
  if (!is_folder(target.output)) return target.output;
  return (fs::path(target.output) / (profile.name + ".yaml")).string();
}

// Median over components of the first split's median, weighted by rows; what a reader sees first.
std::map<std::string, double> facts_of(const KernelProfile& profile) {
  double rows = 0, held = 0, weighted = 0, inside = 0;
  for (const calibration::Component& c : profile.components) {
    rows += static_cast<double>(c.rows_used);
    if (c.held_out.empty()) continue;
    const calibration::HeldOutError& first = c.held_out.front();
    const auto n = static_cast<double>(first.rows);
    held += n;
    weighted += n * first.median;
    inside += n * first.inside_band;
  }
  std::map<std::string, double> facts{
      {"rows_fitted", rows},
      {"rows_held_out", held},
      {"components", static_cast<double>(profile.components.size())}};
  if (held > 0) facts["held_out_median_abs_error"] = weighted / held;
  if (held > 0) facts["inside_band"] = inside / held;
  return facts;
}

// At most 2,000 rows of each kind of the profile's GPU and stack, evenly taken.
calibration::KernelValidation sample_of(const KernelProfile& profile,
                                        const calibration::KernelRows& rows) {
  calibration::KernelRows mine;
  for (calibration::RowPart& part : calibration::part_rows(rows))
    if (part.gpu == profile.gpu && part.stack == profile.stack) mine = std::move(part.rows);
  calibration::for_each_kind(mine, [](auto& kind) {
    constexpr std::size_t kMost = 2000;
    const std::size_t stride = kind.size() / kMost + 1;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < kind.size(); i += stride) kind[kept++] = kind[i];
    kind.resize(kept);
  });
  calibration::ModelShelf shelf(profile);
  return calibration::validate_kernels(shelf, mine);
}

}  // namespace

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return path.ends_with('/') || fs::is_directory(path, ignored);
}

calibration::KernelCalibration fit_kernels(const calibration::KernelRows& rows,
                                           const KernelTarget& target,
                                           const calibration::KernelCalibrateOptions& options) {
  calibration::KernelCalibration made;
  if (!target.update.empty()) {
    made =
        calibration::update_kernels(calibration::load_kernel_profile(target.update), rows, options);
  } else {
    const std::vector<calibration::RowPart> parts = calibration::part_rows(rows);
    if (parts.size() > 1 && !is_folder(target.output)) {
      base::Diagnostics diagnostics;
      diagnostics.error(
          {},
          fmt::format("one profile is of one GPU and one software stack, and these are rows of "
                      "{}:\n  {}\npass --where stack=... or --where gpu=..., or -o FOLDER/ for a "
                      "profile of each",
                      parts.size(), parts_text(parts)));
      throw base::InputError(diagnostics);
    }
    made = calibration::calibrate_kernels(rows, options);
  }
  if (made.profiles.empty() && !made.diagnostics.has_errors())
    made.diagnostics.error({}, "no kernel row is left to fit");
  if (made.diagnostics.has_errors()) throw base::InputError(made.diagnostics);
  return made;
}

std::vector<std::string> write_kernel_profiles(const std::vector<KernelProfile>& profiles,
                                               const KernelTarget& target) {
  std::vector<std::string> paths;
  if (is_folder(target.output)) fs::create_directories(target.output);
  for (const KernelProfile& profile : profiles) {
    const fs::path head = head_path(profile, target);
    fs::path grid = head;
    grid.replace_extension(".grid");
    const calibration::ProfileTexts texts =
        calibration::profile_texts(profile, grid.filename().string());
    reports::write_file(grid.string(), texts.grid);
    reports::write_file(head.string(), texts.head);
    paths.push_back(head.string());
  }
  return paths;
}

std::vector<reports::ResultCase> kernel_cases(const std::vector<KernelProfile>& profiles,
                                              const std::vector<std::string>& paths,
                                              const calibration::KernelRows& rows) {
  std::vector<reports::ResultCase> cases;
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    reports::ResultCase one;
    one.name = fmt::format("{}: kernels", profiles[i].name);
    one.parameters = {{"profile", paths[i]}};
    one.engine = "model";
    one.outcome.facts = facts_of(profiles[i]);
    one.outcome.tables["held_out"] = calibration::held_out_table({profiles[i]});
    one.outcome.tables["parameters"] = calibration::kernel_parameters_table({profiles[i]});
    const calibration::KernelValidation shown = sample_of(profiles[i], rows);
    one.outcome.tables["fitted_rows"] = shown.rows_table();
    one.outcome.tables["roofline"] = shown.roofline_table();
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace windtunnel::scenarios::cli
