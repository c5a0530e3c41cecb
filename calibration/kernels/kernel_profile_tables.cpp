// Profiles as tables: errors on held-out rows, parameters.
#include "calibration/kernels/kernel_calibrate.hpp"

namespace windtunnel::calibration {

base::Table held_out_table(const std::vector<KernelProfile>& profiles) {
  base::Table table{
      {"gpu", "stack", "kind", "format", "kernel", "held_out", "rows", "median_abs_error",
       "p90_abs_error", "mean_abs_error", "bias", "inside_band", "band_width_median"},
      {}};
  for (const KernelProfile& profile : profiles)
    for (const Component& c : profile.components)
      for (const HeldOutError& e : c.held_out)
        table.rows.push_back({profile.gpu, profile.stack, c.kind, c.format, c.kernel, e.split,
                              e.rows, e.median, e.p90, e.mean, e.bias, e.inside_band,
                              e.band_width_median});
  return table;
}

base::Table kernel_parameters_table(const std::vector<KernelProfile>& profiles) {
  base::Table table{
      {"gpu", "stack", "kind", "format", "kernel", "parameter", "value", "standard_error", "unit"},
      {}};
  for (const KernelProfile& profile : profiles)
    for (const Component& c : profile.components)
      for (const FittedParameter& p : c.parameters)
        table.rows.push_back({profile.gpu, profile.stack, c.kind, c.format, c.kernel, p.name,
                              p.value, p.standard_error, p.unit});
  return table;
}

}  // namespace windtunnel::calibration
