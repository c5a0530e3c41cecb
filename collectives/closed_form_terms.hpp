// The pieces that closed_form.cpp and closed_form_levels.cpp share.
#pragma once

#include "collectives/closed_form.hpp"

namespace windtunnel::collectives {

// Sums of alphas and of bytes over betas, s.
struct Terms {
  double latency = 0.0;
  double transfer = 0.0;

  double time() const { return latency + transfer; }
  Terms& operator+=(const Terms& other) {
    latency += other.latency;
    transfer += other.transfer;
    return *this;
  }
  friend Terms operator*(double factor, Terms t) {
    return {factor * t.latency, factor * t.transfer};
  }
  friend Terms operator+(Terms a, const Terms& b) { return a += b; }
};

inline const Terms& longer(const Terms& a, const Terms& b) {
  return a.time() < b.time() ? b : a;
}

// Between domains, and inside one.
inline Terms far(const UniformFabric& fabric, double bytes) {
  return {fabric.latency.value(), bytes / fabric.bandwidth.value()};
}
inline Terms near(const UniformFabric& fabric, double bytes) {
  return {fabric.near_latency.value(), bytes / fabric.near_bandwidth.value()};
}

struct TermsAndFormula {
  Terms terms;
  std::string formula;
};

TermsAndFormula tree_form(const ScheduleRequest& request, const UniformFabric& fabric);
TermsAndFormula hierarchical_form(const ScheduleRequest& request, const UniformFabric& fabric);
TermsAndFormula in_network_form(const ScheduleRequest& request, const UniformFabric& fabric);

}  // namespace windtunnel::collectives
