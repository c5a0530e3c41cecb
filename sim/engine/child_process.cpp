#include "sim/engine/child_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::sim {
namespace {

// First byte of a message; the rest is the payload, the text or the diagnostics, then kEnd. A
// message without its end comes from a child that died while it was writing.
enum class Kind : char {
  returned = 'r',
  input = 'i',
  environment = 'e',
  contract = 'c',
  other = 'x'
};
constexpr char kEnd = '.';

void put_number(std::string& out, std::int64_t value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out.append(bytes, sizeof(value));
}
void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<std::int64_t>(text.size()));
  out.append(text);
}
std::int64_t take_number(std::string_view& in) {
  std::int64_t value = 0;
  base::ensures(in.size() >= sizeof(value), "a child's message is whole");
  std::memcpy(&value, in.data(), sizeof(value));
  in.remove_prefix(sizeof(value));
  return value;
}
std::string take_text(std::string_view& in) {
  const auto size = static_cast<std::size_t>(take_number(in));
  base::ensures(in.size() >= size, "a child's message is whole");
  std::string text(in.substr(0, size));
  in.remove_prefix(size);
  return text;
}

std::string pack_diagnostics(const base::Diagnostics& diagnostics) {
  std::string out;
  for (const base::Diagnostic& diagnostic : diagnostics.all()) {
    put_number(out, static_cast<std::int64_t>(diagnostic.severity));
    put_text(out, diagnostic.where.file);
    put_number(out, diagnostic.where.line);
    put_number(out, diagnostic.where.column);
    put_text(out, diagnostic.message);
  }
  return out;
}
base::Diagnostics unpack_diagnostics(std::string_view in) {
  base::Diagnostics diagnostics;
  while (!in.empty()) {
    base::Diagnostic diagnostic;
    diagnostic.severity = static_cast<base::Severity>(take_number(in));
    diagnostic.where.file = take_text(in);
    diagnostic.where.line = static_cast<int>(take_number(in));
    diagnostic.where.column = static_cast<int>(take_number(in));
    diagnostic.message = take_text(in);
    diagnostics.add(std::move(diagnostic));
  }
  return diagnostics;
}

std::string frame(Kind kind, std::string_view content) {
  std::string message;
  message.reserve(content.size() + 2);
  message += static_cast<char>(kind);
  message += content;
  message += kEnd;
  return message;
}

// Runs `work` and writes down what came of it.
std::string run_and_frame(const std::function<std::string()>& work) {
  try {
    return frame(Kind::returned, work());
  } catch (const base::InputError& error) {
    return frame(Kind::input, pack_diagnostics(error.diagnostics()));
  } catch (const base::EnvironmentError& error) {
    return frame(Kind::environment, error.what());
  } catch (const base::ContractViolation& error) {
    return frame(Kind::contract, error.what());
  } catch (const std::exception& error) {
    return frame(Kind::other, error.what());
  } catch (...) {
    return frame(Kind::other, "an exception that is no std::exception");
  }
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // the parent is gone
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void flush_streams() {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
}

[[noreturn]] void be_child(int descriptor, pid_t parent, const std::function<std::string()>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before prctl
  struct sigaction current {};
  ::sigaction(SIGINT, nullptr, &current);
  if (current.sa_handler != SIG_IGN) std::signal(SIGINT, SIG_DFL);
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  ::sigprocmask(SIG_UNBLOCK, &interrupt, nullptr);
  const std::string message = run_and_frame(work);
  flush_streams();
  write_all(descriptor, message);
  ::_exit(0);
}

std::string describe_death(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return "the worker process was killed by signal " + std::to_string(signal) + " (" +
           strsignal(signal) + ")";
  }
  return "the worker process left with code " + std::to_string(WEXITSTATUS(wait_status)) +
         " before its work was done";
}

}  // namespace

Child spawn_child(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw base::EnvironmentError(std::string("pipe2: ") + std::strerror(errno));
  }
  flush_streams();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    be_child(ends[1], parent, work);
  }
  const int fork_error = errno;
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    throw base::EnvironmentError(std::string("fork: ") + std::strerror(fork_error));
  }
  return {pid, ends[0]};
}

int reap_child(Child& child) {
  ::close(child.pipe);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  child = {};
  return status;
}

ChildResult interpret_child(const std::string& message, int wait_status) {
  if (message.size() < 2 || message.back() != kEnd || !WIFEXITED(wait_status) ||
      WEXITSTATUS(wait_status) != 0) {
    return {{}, std::make_exception_ptr(std::runtime_error(describe_death(wait_status)))};
  }
  std::string content = message.substr(1, message.size() - 2);
  switch (static_cast<Kind>(message.front())) {
    case Kind::returned:
      return {std::move(content), nullptr};
    case Kind::input:
      return {{}, std::make_exception_ptr(base::InputError(unpack_diagnostics(content)))};
    case Kind::environment:
      return {{}, std::make_exception_ptr(base::EnvironmentError(content))};
    case Kind::contract:
      return {{}, std::make_exception_ptr(base::ContractViolation(content))};
    case Kind::other:
      break;
  }
  return {{}, std::make_exception_ptr(std::runtime_error(content))};
}

}  // namespace windtunnel::sim
