// What the facts of a validated serving file mean.
#include <array>
#include <utility>

#include "scenarios/serving/serve_validation.hpp"

namespace windtunnel::scenarios {

const std::map<std::string, base::FactInfo>& serve_validation_fact_info() {
  static const std::map<std::string, base::FactInfo> kInfos = [] {
    std::map<std::string, base::FactInfo> infos;
    const std::array<std::pair<const char*, const char*>, 5> kFigures{
        {{"throughput", "throughput"},
         {"tpot", "TPOT"},
         {"ttft", "TTFT"},
         {"e2e", "end to end"},
         {"max_rate", "highest rate"}}};
    const std::array<std::pair<const char*, const char*>, 3> kParts{
        {{"", "all runs"}, {"_below", "runs below saturation"}, {"_saturated", "saturated runs"}}};
    const std::array<std::pair<const char*, const char*>, 8> kScores{
        {{"rows", "runs"},
         {"mean_abs_error", "mean error"},
         {"median_abs_error", "median error"},
         {"p90_abs_error", "error of nine in ten"},
         {"max_abs_error", "worst error"},
         {"bias", "bias"},
         {"inside_band", "inside the band"},
         {"band_width_median", "width of the band"}}};
    for (const auto& [figure, name] : kFigures) {
      for (const auto& [suffix, part] : kParts) {
        for (const auto& [score, what] : kScores)
          infos[std::string(figure) + "_" + score + suffix] = {std::string(name) + " " + what, "",
                                                               std::string("of ") + part};
      }
    }
    return infos;
  }();
  return kInfos;
}

}  // namespace windtunnel::scenarios
