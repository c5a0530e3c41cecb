// What it costs to start work: a parallel region on threads that wait (the CPU's kernel launch), a
// new thread, a new process (posix_spawn of a program that does nothing, until it has ended).
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "real/cpu/cpu_benchmarks.hpp"
#include "real/cpu/kernels.hpp"

namespace windtunnel::real {
namespace {

void run_process() {
  char program[] = "/bin/true";
  char* arguments[] = {program, nullptr};
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, program, nullptr, nullptr, arguments, environ);
  if (failed != 0)
    throw PointRefused(fmt::format("cannot start {}: {}", program, std::strerror(failed)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
}

Point launch_point(const std::string& op, const std::string& kernel, int threads,
                   const Work& work) {
  Point point;
  point.fields = {{"kind", "launch"},
                  {"op", op},
                  {"threads", std::to_string(threads)},
                  {"stack", cpu_stack(threads)},
                  {"kernel", kernel}};
  point.prepare = [work] {
    Prepared out;
    out.run = work;
    return out;
  };
  return point;
}

}  // namespace

std::vector<Benchmark> cpu_launch_benchmarks(const Selection& selection) {
  Benchmark out{"launch", {}};
  for (const int threads : thread_counts(selection)) {
    out.points.push_back(launch_point("kernel", "openmp region", threads, [threads](std::int64_t) {
      cpu_kernels().empty_region(threads);
    }));
    out.points.push_back(launch_point("thread", "std::thread", threads,
                                      [](std::int64_t) { std::thread([] {}).join(); }));
    out.points.push_back(launch_point("fork", "posix_spawn /bin/true", threads,
                                      [](std::int64_t) { run_process(); }));
  }
  return {out};
}

}  // namespace windtunnel::real
