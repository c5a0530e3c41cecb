// The kernel half of `calibrate`: fits, files, and the table of errors on rows held out.
#pragma once

#include <string>
#include <vector>

#include "calibration/kernels/kernel_calibrate.hpp"
#include "reports/result.hpp"
#include "scenarios/cli/console.hpp"

namespace windtunnel::scenarios::cli {

struct KernelTarget {
  std::string output;  // PROFILE.yaml, or a folder that gets one profile a (GPU, stack)
  std::string update;  // an old profile to refine; empty: none
};

// Whether `path` names a folder (it ends in / or is one).
bool is_folder(const std::string& path);

// Fits; throws InputError where nothing comes of it, or where several profiles would share one file.
calibration::KernelCalibration fit_kernels(const calibration::KernelRows& rows,
                                           const KernelTarget& target,
                                           const calibration::KernelCalibrateOptions& options);
// Writes head and grid of each; gives the heads' paths.
std::vector<std::string> write_kernel_profiles(
    const std::vector<calibration::KernelProfile>& profiles, const KernelTarget& target);
// One case a profile: facts, held-out errors, parameters; and, for the page's charts, a sample of the
// rows with what the profile makes of them.
std::vector<reports::ResultCase> kernel_cases(
    const std::vector<calibration::KernelProfile>& profiles, const std::vector<std::string>& paths,
    const calibration::KernelRows& rows);

}  // namespace windtunnel::scenarios::cli
