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
      {"memory_rows",
       {"memory rows", "", "rows that state memory of a quantity that is predicted"}},
      {"memory_mean_abs_error", {"memory, mean |error|", "", "predicted / measured - 1"}},
      {"memory_median_abs_error", {"memory, median |error|", "", ""}},
      {"memory_p90_abs_error", {"memory, p90 |error|", "", "nine rows in ten are within"}},
      {"memory_max_abs_error", {"memory, worst |error|", "", ""}},
      {"memory_bias", {"memory, bias", "", "mean error; above 0: too much"}},
      {"memory_inside_band",
       {"memory inside its band", "", "share of measured peaks inside the band of theirs"}},
      {"memory_null_mean_abs_error",
       {"memory, null model", "",
        "mean |error| of the leave-one-out median of the same GPU and quantity"}},
      {"out_of_memory_rows", {"out-of-memory rows", "", "that ran out of memory"}},
      {"out_of_memory_flagged",
       {"of these flagged", "", "predicted not to fit, or to fit only at the limit"}},
      {"out_of_memory_false_alarms",
       {"false alarms", "", "rows that ran, predicted not to fit or to fit only at the limit"}},
      {"memory_at_limit_rows",
       {"at the limit", "", "predicted to fit only if the allocator gives cached blocks back"}},
      {"memory_at_limit_false_alarms",
       {"false alarms at the limit", "",
        "of the false alarms, those predicted to fit at the limit"}},
  };
  return kInfo;
}

}  // namespace windtunnel::scenarios
