#include "strategies/train/optimizer_cost.hpp"

namespace windtunnel::strategies {
namespace {

using models::NumberFormat;

double state_bytes(Optimizer optimizer) {
  switch (optimizer) {
    case Optimizer::sgd:
    case Optimizer::adafactor:
      return 0.0;
    case Optimizer::momentum:
    case Optimizer::lars:
      return 4.0;
    case Optimizer::adam:
    case Optimizer::adamw:
    case Optimizer::lamb:
      return 8.0;
  }
  return 0.0;
}

bool needs_norms(Optimizer optimizer) {
  return optimizer == Optimizer::lamb || optimizer == Optimizer::lars;
}

}  // namespace

NumberFormat storage_format(NumberFormat precision) {
  switch (precision) {
    case NumberFormat::fp64:
    case NumberFormat::fp32:
    case NumberFormat::fp16:
      return precision;
    case NumberFormat::tf32:
      return NumberFormat::fp32;
    default:
      return NumberFormat::bf16;
  }
}

BytesPerParameter bytes_per_parameter(Optimizer optimizer, NumberFormat precision,
                                      NumberFormat gradient_precision) {
  const double weight = models::weight_bytes(storage_format(precision));
  return {.weight = weight,
          .gradient = models::weight_bytes(gradient_precision),
          .states = state_bytes(optimizer),
          .master = weight < 4.0 ? 4.0 : 0.0};
}

OptimizerStep optimizer_step(double parameters, Optimizer optimizer, NumberFormat precision,
                             NumberFormat gradient_precision) {
  const BytesPerParameter held = bytes_per_parameter(optimizer, precision, gradient_precision);
  // Without a master copy the weight itself is read as well as written.
  const double copies = held.master > 0 ? 2 * held.master + held.weight : 2 * held.weight;
  double update = held.gradient + 2 * held.states + copies;
  if (needs_norms(optimizer)) update += 2 * (held.master > 0 ? held.master : held.weight);
  const bool scaled = precision == NumberFormat::fp16;
  return {.update = base::Bytes(parameters * update),
          .scaling = base::Bytes(scaled ? parameters * 2 * held.gradient : 0.0),
          .norm = base::Bytes(parameters * held.gradient)};
}

}  // namespace windtunnel::strategies
