// What the tests of scenarios/ share: a folder of files that is the working directory while it
// lives, and loading from text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

// A fresh folder, made the working directory; both are undone at the end.
class WorkingFolder {
 public:
  WorkingFolder();
  ~WorkingFolder();
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

  void write(const std::string& name, std::string_view text) const;

 private:
  std::string previous_;
  std::string path_;
};

struct Loaded {
  std::optional<LoadedScenario> scenario;
  base::Diagnostics diagnostics;

  std::string errors() const { return diagnostics.to_text(); }
  // The only point of a scenario that has to have loaded; a test failure with its errors if it has
  // not.
  const Scenario& only() const&;
  Scenario only() && { return std::as_const(*this).only(); }
  const strategies::CollectiveWorkload& workload() const&;
  strategies::CollectiveWorkload workload() && { return std::as_const(*this).workload(); }
};

Loaded load_text(std::string_view text, std::vector<std::string> sets = {});
Loaded load_file(const std::string& path, LoadOptions options = {});

std::string bytes_of_file(const std::string& path);

// A two-node cluster of four GPUs each, and a ring all-reduce of 1 MiB.
inline const std::string kSmall = R"(name: small
cluster: {use: teaching-4gpu, nodes: 2}
workload:
  kind: collective
  op: all_reduce
  algorithms: [ring]
  sizes: [1MiB]
)";

}  // namespace windtunnel::scenarios
