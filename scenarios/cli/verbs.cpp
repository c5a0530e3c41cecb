#include <array>

#include "scenarios/cli/verb.hpp"

namespace windtunnel::scenarios::cli {

std::span<const Verb> verbs() {
  static constexpr std::array kVerbs{
      Verb{"run", "SCENARIO.yaml...", "simulate every case of the scenarios", verb_run},
      Verb{"check", "SCENARIO.yaml...", "check scenarios without running them", verb_check},
      Verb{"plan", "SCENARIO.yaml", "search the strategy space, and the hardware", verb_plan},
      Verb{"calibrate", "FILE... --gpu NAME|--fabric NAME -o PROFILE.yaml",
           "fit cost models to measurements", verb_calibrate},
      Verb{"validate", "[PROFILE.yaml] FILE...", "predict measured rows and show the errors",
           verb_validate},
      Verb{"compare", "A.json B.json", "two saved results side by side", verb_compare},
      Verb{"report", "RESULT.json -o report.html", "render a saved result again", verb_report},
      Verb{"explain", "SCENARIO.yaml", "where each second comes from (not built yet)",
           verb_explain},
      Verb{"lab", "list|start N|check N FILE", "the lessons (not built yet)", verb_lab},
      Verb{"list", "[KIND]", "what can be named in a scenario", verb_list},
      Verb{"schema", "", "JSON Schema of the scenario file", verb_schema},
      Verb{"doctor", "", "what is compiled in, and what this machine has", verb_doctor},
  };
  return kVerbs;
}

}  // namespace windtunnel::scenarios::cli
