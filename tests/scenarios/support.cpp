#include "tests/scenarios/support.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace windtunnel::scenarios {

WorkingFolder::WorkingFolder() : previous_(std::filesystem::current_path().string()) {
  std::string name = (std::filesystem::temp_directory_path() / "windtunnel-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
  std::filesystem::current_path(path_);
}

WorkingFolder::~WorkingFolder() {
  std::error_code ignored;
  std::filesystem::current_path(previous_, ignored);
  std::filesystem::remove_all(path_, ignored);
}

void WorkingFolder::write(const std::string& name, std::string_view text) const {
  const std::filesystem::path path = std::filesystem::path(path_) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

const Scenario& Loaded::only() const& {
  if (!scenario || scenario->points.size() != 1) {
    throw std::runtime_error("not one scenario: " + errors());
  }
  return scenario->points.front().scenario;
}

const strategies::CollectiveWorkload& Loaded::workload() const& {
  return std::get<strategies::CollectiveWorkload>(only().workload);
}

Loaded load_file(const std::string& path, LoadOptions options) {
  Loaded out;
  out.scenario = load_scenario(path, options, out.diagnostics);
  return out;
}

Loaded load_text(std::string_view text, std::vector<std::string> sets) {
  const WorkingFolder folder;
  folder.write("test.yaml", text);
  return load_file("test.yaml", {.sets = std::move(sets), .seed = {}, .engine = {}});
}

std::string bytes_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace windtunnel::scenarios
