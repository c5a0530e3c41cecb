#include "scenarios/cli/scenario_files.hpp"

namespace windtunnel::scenarios::cli {

std::vector<LoadedScenario> load_all(const std::vector<std::string>& files,
                                     const LoadOptions& options, const Console& console) {
  std::vector<LoadedScenario> loaded;
  base::Diagnostics all;
  for (const std::string& file : files) {
    base::Diagnostics diagnostics;
    const std::string path = file == "-" ? "/dev/stdin" : file;
    std::optional<LoadedScenario> scenario = load_scenario(path, options, diagnostics);
    all.append(diagnostics);
    if (scenario) loaded.push_back(std::move(*scenario));
  }
  if (all.has_errors()) throw base::InputError(all);
  console.diagnostics(all);
  return loaded;
}

}  // namespace windtunnel::scenarios::cli
