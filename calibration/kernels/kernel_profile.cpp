#include "calibration/kernels/kernel_profile.hpp"

#include <algorithm>

namespace windtunnel::calibration {

const Component* KernelProfile::find(const std::string& kind, const std::string& format,
                                     const std::string& kernel) const {
  const auto found = std::find_if(components.begin(), components.end(), [&](const Component& c) {
    return c.kind == kind && c.format == format && (kernel.empty() || c.kernel == kernel);
  });
  return found == components.end() ? nullptr : &*found;
}

}  // namespace windtunnel::calibration
