// Physical quantities with their dimension in the type.
//
// Model: a quantity is a double in SI base units with integer exponents of time (s), data (byte), work
// (floating-point operation), energy (joule) and money (US dollar). Products and quotients carry the
// exponents, so Bytes / BytesPerSecond is Seconds; a quotient of equal dimensions is a plain double.
// Contract: no implicit conversion from double; `.value()` is the way out, at a file, format or engine
// boundary only. Counts (ranks, GPUs, steps) are plain int64, not quantities.
#pragma once

#include <cmath>
#include <compare>
#include <limits>

namespace windtunnel::base {

template <int Time, int Data, int Work, int Energy, int Money>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double in_si_units) : value_(in_si_units) {}

  constexpr double value() const { return value_; }
  static constexpr Quantity infinity() { return Quantity(std::numeric_limits<double>::infinity()); }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-value_); }
  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  constexpr Quantity& operator*=(double factor) {
    value_ *= factor;
    return *this;
  }

  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity(a.value_ + b.value_);
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity(a.value_ - b.value_);
  }
  friend constexpr Quantity operator*(Quantity a, double factor) {
    return Quantity(a.value_ * factor);
  }
  friend constexpr Quantity operator*(double factor, Quantity a) {
    return Quantity(a.value_ * factor);
  }
  friend constexpr Quantity operator/(Quantity a, double divisor) {
    return Quantity(a.value_ / divisor);
  }

 private:
  double value_ = 0.0;
};

template <int T, int D, int W, int E, int M>
constexpr double operator/(Quantity<T, D, W, E, M> a, Quantity<T, D, W, E, M> b) {
  return a.value() / b.value();
}

template <int T1, int D1, int W1, int E1, int M1, int T2, int D2, int W2, int E2, int M2>
constexpr auto operator*(Quantity<T1, D1, W1, E1, M1> a, Quantity<T2, D2, W2, E2, M2> b) {
  return Quantity<T1 + T2, D1 + D2, W1 + W2, E1 + E2, M1 + M2>(a.value() * b.value());
}

template <int T1, int D1, int W1, int E1, int M1, int T2, int D2, int W2, int E2, int M2>
constexpr auto operator/(Quantity<T1, D1, W1, E1, M1> a, Quantity<T2, D2, W2, E2, M2> b) {
  return Quantity<T1 - T2, D1 - D2, W1 - W2, E1 - E2, M1 - M2>(a.value() / b.value());
}

using Seconds = Quantity<1, 0, 0, 0, 0>;
using PerSecond = Quantity<-1, 0, 0, 0, 0>;
using Bytes = Quantity<0, 1, 0, 0, 0>;
using BytesPerSecond = Quantity<-1, 1, 0, 0, 0>;
using Flops = Quantity<0, 0, 1, 0, 0>;
using FlopsPerSecond = Quantity<-1, 0, 1, 0, 0>;
using Joules = Quantity<0, 0, 0, 1, 0>;
using Watts = Quantity<-1, 0, 0, 1, 0>;
using Dollars = Quantity<0, 0, 0, 0, 1>;
using DollarsPerSecond = Quantity<-1, 0, 0, 0, 1>;
using DollarsPerJoule = Quantity<0, 0, 0, -1, 1>;

template <int T, int D, int W, int E, int M>
constexpr Quantity<T, D, W, E, M> min(Quantity<T, D, W, E, M> a, Quantity<T, D, W, E, M> b) {
  return b < a ? b : a;
}
template <int T, int D, int W, int E, int M>
constexpr Quantity<T, D, W, E, M> max(Quantity<T, D, W, E, M> a, Quantity<T, D, W, E, M> b) {
  return a < b ? b : a;
}

}  // namespace windtunnel::base
