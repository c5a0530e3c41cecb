#include "real/cli/mpi_child.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "real/cli/exit_code.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

std::string find_program(const std::string& name) {
  std::istringstream folders(process_environment("PATH").value_or(""));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

std::string mpi_program() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string beside = (self.parent_path() / "windtunnel-measure-mpi").string();
  return ::access(beside.c_str(), X_OK) == 0 ? beside : find_program("windtunnel-measure-mpi");
}

// The user's own options, without those that this program has dealt with.
std::vector<std::string> options_for_child(const Arguments& arguments) {
  std::vector<std::string> verbs = {"all"};
  for (const Verb verb : all_verbs()) verbs.emplace_back(to_text(verb));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.raw.size(); ++i) {
    const std::string& word = arguments.raw[i];
    const bool takes_value = word == "--device" || word == "--budget" || word == "--ranks";
    if (takes_value) {
      ++i;
    } else if (word.rfind("--device=", 0) == 0 || word.rfind("--budget=", 0) == 0 ||
               word.rfind("--ranks=", 0) == 0) {
      continue;
    } else if (std::find(verbs.begin(), verbs.end(), word) == verbs.end() ||
               (i > 0 && arguments.raw[i - 1].rfind("--", 0) == 0 &&
                arguments.raw[i - 1] != "--quick" && arguments.raw[i - 1] != "--no-header")) {
      out.push_back(word);
    }
  }
  return out;
}

// This process's environment and what OpenMPI wants before it runs as root.
std::vector<std::string> environment_for_mpi() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) out.emplace_back(*entry);
  out.emplace_back("OMPI_ALLOW_RUN_AS_ROOT=1");
  out.emplace_back("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

int run_program(std::vector<std::string> words) {
  std::vector<std::string> environment = environment_for_mpi();
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, words[0].c_str(), nullptr, nullptr,
                                   pointers(words).data(), pointers(environment).data());
  if (failed != 0)
    throw base::EnvironmentError(
        fmt::format("cannot start {}: {}", words[0], std::strerror(failed)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw base::EnvironmentError("mpirun was lost");
  }
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

}  // namespace

std::string mpi_trouble() {
  if (find_program("mpirun").empty()) return "mpirun is not installed (Debian: openmpi-bin)";
  if (mpi_program().empty())
    return "windtunnel-measure-mpi was not built (MPI was not found; Debian: libopenmpi-dev)";
  return "";
}

int measure_under_mpi(const Arguments& arguments, const std::vector<Verb>& verbs, int ranks,
                      base::Seconds budget) {
  std::vector<std::string> words = {
      find_program("mpirun"), "--oversubscribe", "--bind-to", "none", "-np",
      std::to_string(ranks),  mpi_program()};
  for (const Verb verb : verbs) words.emplace_back(to_text(verb));
  words.insert(words.end(), {"--device", "cpu"});
  for (std::string& word : options_for_child(arguments)) words.push_back(std::move(word));
  if (std::isfinite(budget.value()))
    words.insert(words.end(),
                 {"--budget", fmt::format("{:.3f}s", std::max(budget.value(), 0.001))});
  return run_program(std::move(words));
}

}  // namespace windtunnel::real
