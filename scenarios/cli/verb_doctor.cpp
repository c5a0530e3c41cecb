// `windtunnel doctor`: what is compiled in and what this machine has. Nothing that is missing is an
// error unless --require asks for it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/library_versions.hpp"
#include "scenarios/cli/machine.hpp"
#include "scenarios/cli/profile_coverage.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/library.hpp"
#include "scenarios/schema/tables.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::scenarios::cli {

namespace {

const std::vector<std::string> kRequirable{"gpu", "nccl", "cuda", "smpirun", "chromium"};

class Findings {
 public:
  void built_in(const std::string& item, const std::string& detail) {
    table_.rows.push_back({item, std::string("built in"), detail});
  }
  void seen(const std::string& item, const std::optional<std::string>& detail,
            const std::string& otherwise) {
    table_.rows.push_back(
        {item, std::string(detail ? "found" : "not found"), detail.value_or(otherwise)});
    if (!detail) missing_.push_back(item);
  }
  bool lacks(const std::string& item) const {
    return std::find(missing_.begin(), missing_.end(), item) != missing_.end();
  }
  const base::Table& table() const { return table_; }

 private:
  base::Table table_{.columns = {"item", "state", "detail"}, .rows = {}};
  std::vector<std::string> missing_;
};

void look_for_gpus(Findings& findings) {
  const std::optional<CudaDriver> driver = find_cuda_driver();
  if (!driver || driver->gpus.empty()) {
    findings.seen("gpu", std::nullopt, driver ? driver->trouble : "no NVIDIA driver here");
    return;
  }
  std::string text = fmt::format("driver for CUDA {}:", driver->version);
  for (const SeenGpu& gpu : driver->gpus) {
    text += fmt::format(" {} ({}),", gpu.name, base::to_text(gpu.memory));
  }
  text.pop_back();
  findings.seen("gpu", text, "");
}

// "collective, train, ...": one table a kind is what the loader reads.
std::string workload_kinds() {
  std::vector<std::string> kinds;
  for (const Type& one : scenario_structure().field("workload")->type.alternatives) {
    if (one.kind != TypeKind::structure) continue;
    for (const Choice& choice : one.structure().field("kind")->type.choices) {
      kinds.push_back(choice.value);
    }
  }
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  return fmt::format("{}", fmt::join(kinds, ", "));
}

Findings examine(const ToolVersion& tool) {
  Findings findings;
  findings.built_in("windtunnel", fmt::format("{} ({})", tool.version, tool.git));
  findings.built_in("compiler", compiler_text());
  findings.built_in("engines", "analytic, simgrid");
  findings.built_in("workloads", workload_kinds());
  for (const auto& [library, version] : library_versions()) findings.built_in(library, version);
  findings.built_in("profiles", fmt::format("{} (`windtunnel list profiles` names them)",
                                            library_names("profiles").size()));
  look_for_gpus(findings);
  findings.seen("nccl", find_nccl(), "no libnccl.so.2 on the loader's path");
  findings.seen("cuda", find_nvcc(),
                "no nvcc: a build here leaves out the CUDA half of windtunnel-measure");
  findings.seen("smpirun", find_program("smpirun"), "checks against SMPI are skipped");
  findings.seen("chromium", find_program("chromium"), "the report's browser test is skipped");
  return findings;
}

}  // namespace

ExitCode verb_doctor(const Invocation& invocation) {
  OutputFlags output;
  std::vector<std::string> required;
  std::string profile;
  Arguments arguments("doctor", "What is compiled in, and what this machine has.");
  output.add_to(arguments);
  arguments.list("--require", required, "gpu|nccl|cuda|smpirun|chromium",
                 "exit 4 if this is not found; repeatable");
  arguments.text(
      "--profile", profile, "NAME",
      "what a calibration profile covers, and what not; with --verbose every range and split");
  arguments.parse(invocation.arguments);
  for (const std::string& item : required) {
    if (std::find(kRequirable.begin(), kRequirable.end(), item) == kRequirable.end()) {
      throw UsageError("doctor", "--require: " + unknown_word(item, "a choice", kRequirable));
    }
  }
  Console console = output.console();
  if (!profile.empty()) {
    const auto detail = output.verbose ? calibration::Detail::full : calibration::Detail::brief;
    console.data(render(profile_coverage(profile, detail), output.format()));
    return ExitCode::ok;
  }
  const Findings findings = examine(invocation.tool);
  console.data(render(findings.table(), output.format()));
  for (const std::string& item : required) {
    if (findings.lacks(item)) throw base::EnvironmentError(fmt::format("{} was not found", item));
  }
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli
