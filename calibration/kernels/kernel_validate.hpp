// Predictions held against measured kernels: per-row errors, groups, and the null model beside them.
//
// error = predicted / measured - 1. A row is answered by the profile given, where that is of its GPU;
// else by the shipped profile of its GPU and stack (same framework where the version is another; the
// GPU's default where the stack is not known). Null model: the leave-one-out median of efficiency
// (FLOPs a second for products and attention, bytes a second for traffic, calls a second for
// launches) of the rows with the same (GPU, kind, precision); a row alone there has none.
// Rows of a device without sheet and without profile are skipped, counted, with the reason.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/validate.hpp"

namespace windtunnel::calibration {

struct ScoredKernel {
  RowOrigin origin;
  std::string kind, gpu, stack, kernel, precision, shape;
  double flops = 0.0, bytes = 0.0;
  double measured = 0.0;  // s
  models::KernelTime predicted;
  double error = 0.0;
  bool inside_band = false;
  std::optional<double> null_error;  // |error| of the null model
};

struct KernelValidation {
  std::vector<ScoredKernel> rows;
  std::vector<SkippedRow> skipped;
  std::vector<std::string> profiles;  // names of those that answered
  std::vector<std::string> notes;     // what stood in for what, once each

  base::Table rows_table() const;
  base::Table groups_table() const;    // by gpu, kind, precision, stack, kernel
  base::Table roofline_table() const;  // gpu precision peak_flops_per_s bandwidth_bytes_per_s
};

// Which model answers for a (GPU, stack); models are made once and kept.
class ModelShelf {
 public:
  ModelShelf() = default;
  explicit ModelShelf(KernelProfile own);

  // Null where the GPU has neither sheet nor profile.
  std::shared_ptr<const models::KernelTimeModel> model_for(const std::string& gpu,
                                                           const std::string& stack);
  std::vector<std::string> names() const;

 private:
  std::shared_ptr<const models::KernelTimeModel> make(const std::string& gpu,
                                                      const std::string& stack) const;
  std::optional<KernelProfile> own_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const models::KernelTimeModel>>
      models_;
};

KernelValidation validate_kernels(ModelShelf& shelf, const KernelRows& rows);

// The facts of contract.md section 5 over collective and kernel rows together.
std::map<std::string, double> validation_facts(const Validation& collectives,
                                               const KernelValidation& kernels);

}  // namespace windtunnel::calibration
