// A fitted GEMM component at work: form, residual surface, band.
//
// prediction = form(query; parameters) exp(surface(x)), x = (log2 m, log2 n, log2 k); products of a
// batch or a group enter the surface as one product of their rows together (at most to its edge).
// Outside the knots the surface keeps its edge value and fades as 1 / (1 + octaves outside / 4).
// Band: ln(high / time) is a second, coarse surface over the same axes, the 90th percentile of the
// misses on rows held out, wider by kBandAnOctave for each octave outside and by kBatchBand for
// batches and groups.
// Rows were taken in a loop over `copies` of the weights, by a host that may have been slower than
// the device (gemm_form.hpp). `Cache::warm` answers as the rows were measured. `Cache::cold`
// answers for a layer whose weights wait in DRAM and whose launches were made ahead: form(cold) and
// the surface, the latter by the device's share of the measured time; the band is wider by half the
// logarithm of what separates the two (at most 0.5), and above 1.1 the answer is the `model`'s. (An
// L40S keeps 96 MB of weights between calls, a network never does; vLLM's fp8_block tables were
// taken without CUDA graphs.) bind_gemm() binds cold: it serves networks; to hold a profile against
// such rows, bind warm.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "calibration/kernels/component_model.hpp"
#include "calibration/kernels/residual_surface.hpp"
#include "models/kernels/gemm_form.hpp"

namespace windtunnel::calibration {

inline constexpr std::string_view kGemmKind = "gemm";
inline constexpr double kBandAnOctave = 0.12;
inline constexpr double kBatchBand = 0.15;

// x of a query; one problem's m times the number of problems stands for m.
std::array<double, 3> gemm_coordinates(const models::GemmQuery& query);

// Parameters of a component by name; those it lacks keep the form's defaults.
models::GemmParameters gemm_parameters_of(const Component& component);

class GemmModel final : public ComponentModel<models::GemmQuery> {
 public:
  // Copies what it needs of the component.
  GemmModel(const Component& component, const sim::Gpu& gpu, models::NumberFormat format,
            models::Cache cache);

  models::KernelTime time(const models::GemmQuery& query) const override;
  const models::GemmForm& form() const { return form_; }

 private:
  models::GemmForm form_;
  models::Cache cache_;
  ResidualGrid grid_, band_grid_;
  ResidualSurface surface_, band_;
  double most_rows_ = 0.0;  // log2 of the last knot along m
};

// Nothing where the component is no GEMM of a known format.
std::unique_ptr<const GemmModel> gemm_model(const Component& component, const sim::Gpu& gpu,
                                            models::Cache cache);

}  // namespace windtunnel::calibration
