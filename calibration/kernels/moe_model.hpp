// A fitted MoE component: the form of models/kernels/moe_form.hpp times residual surfaces.
//
//   time = form(query) exp(surface(log2(pairs / experts held), log2(hidden x width),
//                                  log2(experts held)))
// pairs those of the most loaded rank. Variants: experts spread over ranks or not, popularity skewed
// or not, gated or plain experts: which kernel a stack runs, and what it has to sort, depends on
// them. One component a number format answers queries (Component::kernel blank: the kernels that the
// stack runs most); kernels that it runs for few models have a component of their own by name.
// Bands as those of attention (attention_model.hpp), wider by `kMoeBandAnOctave` for each octave
// outside: where the weights stop to matter is not known below it.
#pragma once

#include "calibration/kernels/component_model.hpp"
#include "calibration/kernels/family_fit.hpp"
#include "calibration/kernels/kernel_rows.hpp"
#include "models/kernels/moe_form.hpp"

namespace windtunnel::calibration {

inline constexpr double kMoeBandAnOctave = 0.15;

FamilyPlace moe_place(const models::MoeQuery& query, const models::MoeLoad& load);
const VariantLayout& moe_layout();
// Before the names of parameters: plain experts run other kernels and have a form of their own.
std::string moe_prefix(models::ExpertMlp mlp);

struct MoeComponentFit {
  Component component;
  std::vector<FamilyHoldOut> held_out;
  std::vector<FamilyHoldOut> by_kernel;  // the split by model again, for each kernel the rows name
  double form_median = 0.0;
};
std::vector<MoeComponentFit> fit_moe_families(const KernelRows& rows, const sim::Gpu& gpu,
                                              HoldOuts hold_outs);

}  // namespace windtunnel::calibration
