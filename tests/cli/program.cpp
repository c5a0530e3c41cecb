#include "tests/cli/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace windtunnel::tests {

namespace {

using Clock = std::chrono::steady_clock;
const std::string kProgram = WINDTUNNEL_BINARY_DIR "/windtunnel";

std::vector<std::string> environment_of(const RunOptions& options) {
  std::map<std::string, std::string> all{{"PATH", std::getenv("PATH")}, {"TERM", "xterm"}};
  for (const auto& [name, value] : options.environment) all[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

[[noreturn]] void execute(std::vector<std::string> arguments, const RunOptions& options) {
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(99);
  if (!options.stdout_path.empty())
    dup2(open(options.stdout_path.c_str(), O_WRONLY), STDOUT_FILENO);
  std::vector<std::string> environment = environment_of(options);
  std::signal(SIGPIPE, SIG_DFL);
  execve(arguments[0].c_str(), pointers(arguments).data(), pointers(environment).data());
  _exit(98);
}

// Reads every descriptor to its end, sending the signal when it is due.
void drain(const std::vector<int>& descriptors, const std::vector<std::string*>& texts, pid_t child,
           const RunOptions& options) {
  const Clock::time_point due = Clock::now() + options.signal_after;
  bool sent = options.signal == 0;
  std::vector<pollfd> waiting;
  for (const int descriptor : descriptors) waiting.push_back({descriptor, POLLIN, 0});
  for (std::size_t open_count = waiting.size(); open_count > 0;) {
    if (!sent && Clock::now() >= due) {
      kill(child, options.signal);
      sent = true;
    }
    poll(waiting.data(), waiting.size(), sent ? 1000 : 5);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t count = read(waiting[i].fd, buffer, sizeof buffer);
      if (count > 0) {
        texts[i]->append(buffer, static_cast<std::size_t>(count));
      } else {
        waiting[i].fd = -1;
        --open_count;
      }
    }
  }
}

int status_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Finished run(std::vector<std::string> arguments, const RunOptions& options) {
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe");
  }
  const pid_t child = fork();
  if (child == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    execute(std::move(arguments), options);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  Finished finished;
  if (!options.input.empty() && write(in[1], options.input.data(), options.input.size()) < 0) {
    finished.err = "(stdin was not read)";
  }
  close(in[1]);
  drain({out[0], err[0]}, {&finished.out, &finished.err}, child, options);
  close(out[0]);
  close(err[0]);
  finished.exit_code = status_of(child);
  return finished;
}

}  // namespace

Finished windtunnel(const std::vector<std::string>& arguments, const RunOptions& options) {
  std::vector<std::string> all{kProgram};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run(std::move(all), options);
}

Finished windtunnel_on_terminal(const std::vector<std::string>& arguments,
                                const RunOptions& options) {
  std::vector<std::string> all{kProgram};
  all.insert(all.end(), arguments.begin(), arguments.end());
  winsize size{24, 80, 0, 0};
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) execute(std::move(all), options);
  Finished finished;
  drain({terminal}, {&finished.err}, child, options);
  close(terminal);
  finished.exit_code = status_of(child);
  return finished;
}

Finished shell(const std::string& command) {
  return run({"/bin/bash", "-c", command}, {.environment = {{"WT", kProgram}}});
}

std::string scratch_folder() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder = std::filesystem::path(WINDTUNNEL_BINARY_DIR) / "tests" /
                                       "scratch" / test->test_suite_name() / test->name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder.string();
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

bool exists(const std::string& path) {
  return std::filesystem::exists(path);
}

}  // namespace windtunnel::tests
