// Start-up time of the program: from exec to exit of verbs that simulate nothing.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

extern char** environ;

namespace {

// Exit code of `build/windtunnel ARGUMENT...` with its output thrown away; -1 where it cannot be
// started.
int run_program(std::vector<std::string> arguments) {
  const std::string program = WINDTUNNEL_BINARY_DIR "/windtunnel";
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -1;
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void BM_startup(benchmark::State& state, const std::vector<std::string>& arguments) {
  for ([[maybe_unused]] auto iteration : state) {
    if (run_program(arguments) != 0) {
      state.SkipWithError("build/windtunnel is not built, or failed");
      break;
    }
  }
}

BENCHMARK_CAPTURE(BM_startup, version, std::vector<std::string>{"--version"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_startup, list_clusters, std::vector<std::string>{"list", "clusters"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
