// Time of a part of a step by kinds of kernels, with its band and what it rests on; which kernel an
// engine takes for a product; and times remembered by a count.
//
// An engine takes the fastest of its narrow kernels: at 8 bits one scale a tensor or one a block; and,
// at 8 and 4 bits where tensor cores multiply 2 and 4 times as fast, what a 16-bit product of a half
// or a quarter of the depth takes, which has as many bytes and tensor-core cycles. That is there
// because tables of narrow products contain the cast of their input as a kernel, which engines fuse
// into the norm before it; with a scale a block it stays one and is added.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "models/kernels/kernel_time_model.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::strategies {

// Errors of kernels of one kind are common, of kinds independent.
enum class PartKind : std::uint8_t { gemm, attention, moe, memory, exchange };
inline constexpr std::size_t kPartKinds = 5;
struct PartTime {
  struct Interval {
    double time = 0, low = 0, high = 0;
  };
  std::array<Interval, kPartKinds> kinds{};
  std::array<double, 4> by_basis{};  // kernel time by models::Basis
  double extrapolated = 0;
  double kernels = 0;
  double far_bytes = 0, far_time = 0;  // of exchanges between nodes, a GPU

  double time() const;
  void add(PartKind kind, const Interval& once, double count);
  void add(const PartTime& other);
  void add(PartKind kind, const models::KernelTime& answer, double count);
  // measured, interpolated, model, roofline, extrapolated: what at least 1 % of the time rests on.
  std::vector<std::string> rests_on() const;
  // 90 % band as factors on time() + fixed.
  struct Factors {
    double low = 1, high = 1;
  };
  Factors band() const { return band(Interval{}, Interval{}); }
  // `common`: how far all of time() may be off beside what its kinds say.
  Factors band(const Interval& fixed, const Interval& common) const;
};

// Adds `count` of a kernel: the fastest that there is, within the power limit.
void add_kernel_time(const models::KernelQuery& query, double count,
                     const models::KernelTimeModel& kernels, const sim::Gpu& gpu, PartTime& out);

class RememberedTimes {
 public:
  // part(argument) once an argument; 0 for arguments below 1.
  template <class Part>
  double at(std::int64_t argument, const Part& part) {
    if (argument < 1) return 0.0;
    const auto index = static_cast<std::size_t>(argument);
    if (index >= times_.size()) {
      times_.resize(std::max(index + 1, 2 * times_.size()),
                    std::numeric_limits<double>::quiet_NaN());
    }
    if (std::isnan(times_[index])) times_[index] = part(argument).time();
    return times_[index];
  }

 private:
  std::vector<double> times_;  // NaN: not known yet
};

}  // namespace windtunnel::strategies
