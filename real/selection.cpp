#include "real/selection.hpp"

namespace windtunnel::real {

std::string_view to_text(Verb verb) {
  switch (verb) {
    case Verb::gemm:
      return "gemm";
    case Verb::attention:
      return "attention";
    case Verb::memory:
      return "memory";
    case Verb::copy:
      return "copy";
    case Verb::launch:
      return "launch";
    case Verb::interference:
      return "interference";
    case Verb::collective:
      return "collective";
    case Verb::step:
      return "step";
  }
  return "";
}

const std::vector<Verb>& all_verbs() {
  static const std::vector<Verb> kVerbs = {Verb::gemm,       Verb::attention, Verb::memory,
                                           Verb::copy,       Verb::launch,    Verb::interference,
                                           Verb::collective, Verb::step};
  return kVerbs;
}

}  // namespace windtunnel::real
