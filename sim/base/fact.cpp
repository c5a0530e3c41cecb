#include "sim/base/fact.hpp"

namespace windtunnel::base {

std::string_view to_text(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::infeasible:
      return "infeasible";
    case Status::failed:
      return "failed";
  }
  return "failed";
}

}  // namespace windtunnel::base
