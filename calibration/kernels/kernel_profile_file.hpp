// A kernel profile on disk: a YAML head and one binary file of grids beside it.
//
// Head (windtunnel.kernel_profile/1): name, GPU, stack, date, provenance, and of each component its
// parameters `name: [value, standard error, unit]`, ranges seen, errors on rows held out, and the
// shape and place of its grids. Its last line, `end: {components: N, sha256: ...}`, is the checksum
// of all text before it; `grid: {file, bytes, sha256}` names the binary and its checksum, so that
// heads and grids of different fits never meet. Binary, little endian: 8 bytes "WTGRID01", then for
// each grid its axes' knots (float64, axis by axis) and its values (int16, last axis fastest), padded
// to 8 bytes. No text or number of a source row is in either.
// Contract: reading gathers diagnostics (cut off, changed, of another fit, of another version) and
// returns nothing where there is an error. Writing is deterministic. A profile of a thousand
// kilobytes of grids loads in under 50 ms.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "calibration/kernels/kernel_profile.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::calibration {

struct ProfileTexts {
  std::string head, grid;
};
// `grid_file`: name (without folder) under which the binary will stand beside the head.
ProfileTexts profile_texts(const KernelProfile& profile, const std::string& grid_file);

// Whether a YAML text is the head of a kernel profile of any version.
bool is_kernel_profile(std::string_view head);
// The grid file that a head names; blank where it names none.
std::string grid_file_of(std::string_view head);
// `file` is what messages call the head.
std::optional<KernelProfile> kernel_profile_from(std::string_view head, std::string_view grid,
                                                 const std::string& file,
                                                 base::Diagnostics& diagnostics);

// Head and grid beside it. Throws EnvironmentError where a file cannot be read, InputError where it
// is no sound kernel profile.
KernelProfile load_kernel_profile(const std::filesystem::path& head);

// Profiles in the program, by name, in alphabetical order.
std::vector<std::string> shipped_kernel_profiles();
// Those of one GPU, its default stack first.
std::vector<std::string> shipped_kernel_profiles_of(const std::string& gpu);
// A shipped profile by its name, or the one of a GPU's default stack by the GPU's name (vllm, else
// trtllm, else sglang, else the first; of several versions the last). Nothing where there is none.
std::optional<std::string> shipped_kernel_profile_name(const std::string& name_or_gpu);
std::optional<KernelProfile> shipped_kernel_profile(const std::string& name_or_gpu);

// "h100-sxm-trtllm-1.3.0rc20" of ("h100-sxm", "trtllm 1.3.0rc20"): what a fit is called.
std::string kernel_profile_name(const std::string& gpu, const std::string& stack);

}  // namespace windtunnel::calibration
