#include "sim/engine/isolated.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "sim/engine/child_process.hpp"

namespace windtunnel::sim {

std::string run_isolated(const std::function<std::string()>& work) {
  Child child = spawn_child(work);
  std::string message;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(child.pipe, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    message.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ChildResult result = interpret_child(message, reap_child(child));
  if (result.exception) std::rethrow_exception(result.exception);
  return std::move(result.payload);
}

}  // namespace windtunnel::sim
