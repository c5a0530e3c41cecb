#include "scenarios/steps/step_validation.hpp"

namespace windtunnel::scenarios {

const std::vector<std::pair<std::string, base::FactInfo>>& step_validation_fact_info() {
  static const std::vector<std::pair<std::string, base::FactInfo>> kInfo{
      {"pair_order",
       {"pair order", "",
        "share of pairs more than 3 % apart that are ranked rightly, ties half; sweeps of one "
        "model, "
        "GPU count, batch and date"}},
      {"pair_order_bubble_rule",
       {"pair order, bubble rule", "", "the same for ranking by (p-1)/(m v) alone"}},
      {"pairs", {"pairs", "", "pairs that are more than 3 % apart"}},
      {"regret",
       {"regret", "", "how much slower the row with the least predicted time is than the fastest"}},
      {"memory_rows", {"memory rows", "", "rows that state the memory of a whole device"}},
      {"memory_mean_abs_error", {"memory, mean |error|", "", "predicted / measured - 1"}},
      {"memory_bias", {"memory, bias", "", "mean error; above 0: too much"}},
      {"memory_inside_band",
       {"memory inside its band", "", "share of measured peaks inside the band of theirs"}},
      {"out_of_memory_rows", {"out-of-memory rows", "", "that ran out of memory"}},
      {"out_of_memory_flagged", {"of these flagged", "", "predicted not to fit"}},
      {"out_of_memory_false_alarms", {"false alarms", "", "rows that ran, predicted not to fit"}},
  };
  return kInfo;
}

}  // namespace windtunnel::scenarios
