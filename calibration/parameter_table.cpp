#include "calibration/parameter_table.hpp"

#include <cmath>
#include <string>

namespace windtunnel::calibration {

base::Table parameters_table(const FabricProfile& profile) {
  constexpr double kUnmoved = 0.9;
  base::Table table;
  table.columns = {"fabric",         "gpu",     "parameter", "unit",   "value",
                   "standard_error", "initial", "rests_on",  "meaning"};
  for (const Fabric& fabric : profile.fabrics) {
    for (const ParamInfo& info : param_table()) {
      const int index = static_cast<int>(info.param);
      const double value = std::exp(fabric.params[index]);
      const double error = fabric.standard_error[index];
      table.rows.push_back({fabric.name, fabric.gpu, std::string(info.name), std::string(info.unit),
                            value, value * error, info.initial,
                            std::string(error < kUnmoved * info.spread ? "rows" : "prior"),
                            std::string(info.meaning)});
    }
  }
  return table;
}

}  // namespace windtunnel::calibration
