// A forked child that runs one function and sends back what it returned or threw: the common ground
// of run_isolated() and run_jobs().
//
// Contract: spawn() flushes the standard streams first, so that nothing is printed twice; the child
// dies with its parent, is ended by SIGINT unless that was ignored (Ctrl-C reaches the whole
// process group) and leaves by _exit. Whoever spawns reads `pipe` to its end, closes it and reaps
// `pid`.
#pragma once

#include <sys/types.h>

#include <exception>
#include <functional>
#include <string>

namespace windtunnel::sim {

struct Child {
  pid_t pid = -1;
  int pipe = -1;  // read end of what the child sends
};

// Throws EnvironmentError where the machine has no process or pipe left.
Child spawn_child(const std::function<std::string()>& work);

// Closes the pipe and reaps the child; returns its wait status.
int reap_child(Child& child);

// How a child ended, from all that came out of its pipe and its wait status.
struct ChildResult {
  std::string payload;           // what the function returned
  std::exception_ptr exception;  // what it threw, or how the child died; null where it returned
};
ChildResult interpret_child(const std::string& message, int wait_status);

}  // namespace windtunnel::sim
