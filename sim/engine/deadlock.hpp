// Nothing is left to happen and someone still waits: the text says who waits for whom.
#pragma once

#include <stdexcept>

namespace windtunnel::sim {

class Deadlock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace windtunnel::sim
