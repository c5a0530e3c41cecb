#include "models/kernels/all_reduce_form.hpp"

#include <algorithm>
#include <cmath>

#include "models/kernels/copy_form.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {

double domain_rate(const sim::Gpu& gpu) {
  return copy_link_rate(gpu, CopyDirection::peer);
}

AllReduceForm::AllReduceForm(const sim::Gpu& gpu, const AllReduceParameters& parameters)
    : p_(parameters), rate_(domain_rate(gpu)) {
  base::expects(p_.start > 0 && p_.one_shot_rate > 0 && p_.two_shot_rate > 0 && p_.nccl_rate > 0,
                "parameters of an all-reduce are positive");
}

double AllReduceForm::time(double gpus, double bytes) const {
  const double peers = gpus - 1, share = 2 * peers / gpus;
  const double doublings = std::log2(gpus) - 1;
  const double own_rate = rate_ * std::pow(p_.growth, doublings);
  const double fixed = p_.start + p_.hop * (gpus - 2);
  const auto own = [&](double size) {
    return fixed + std::min(peers * size / (p_.one_shot_rate * own_rate),
                            p_.two_shot_start + share * size / (p_.two_shot_rate * own_rate));
  };
  if (bytes <= p_.hand_over) return std::max(own(bytes), p_.launch);
  const double nccl_rate = p_.nccl_rate * rate_ * std::pow(p_.nccl_growth, doublings);
  // Never faster than just below the hand-over, so that time rises with size.
  const double nccl = fixed + p_.nccl_start + share * bytes / nccl_rate;
  return std::max({nccl, own(p_.hand_over), p_.launch});
}

AllReduceParameters default_all_reduce_parameters(const sim::Gpu& gpu, DispatchMode dispatch) {
  AllReduceParameters out;
  if (gpu.nvlink_bandwidth.value() <= 0.0) {  // PCIe: as the L40S
    out.start = 5e-6;
    out.hop = 3.5e-6;
    out.one_shot_rate = 0.25;
    out.two_shot_rate = 0.25;
    out.nccl_rate = 0.25;
    out.growth = 0.35;
    out.nccl_growth = 0.35;
  }
  if (dispatch == DispatchMode::eager) out.launch = 25e-6;
  return out;
}

}  // namespace windtunnel::models
