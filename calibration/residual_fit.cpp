#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "calibration/residual_curve.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using PerRegime = std::array<double, kRegimes>;

constexpr double kOctaves = 2.0;
constexpr int kBinsAnOctave = 4;
// Noise of repeated runs over all fabrics, with the weight of so many rows.
constexpr PerRegime kUsualNoise{0.012, 0.012, 0.006};
constexpr double kNoiseRows = 8.0, kMostNoise = 0.06;
constexpr double kUsualAmplitude = 0.06;
// 90 % quantile of |z| over all fabrics; a fit flatters its own rows.
constexpr PerRegime kUsualScale{3.3, 5.0, 2.8}, kFlattery{1.2, 1.4, 1.05};
constexpr double kScaleRows = 25.0;
constexpr double kOutlier = 3.0;

// Rows of one curve, sizes in quarter octaves.
struct Bin {
  std::size_t regime = 0;
  double octave = 0.0, sum = 0.0, centre = 0.0;  // centre: median
  std::vector<double> residuals;
  double count() const { return static_cast<double>(residuals.size()); }
};
struct Curve {
  ResidualCurve out;
  std::vector<Bin> bins;
};

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0.0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

std::vector<Curve> curves_of(std::span<const ResidualRow> rows) {
  using Key = std::tuple<collectives::Op, collectives::Algorithm, collectives::Protocol, int, int>;
  std::map<Key, std::map<int, Bin>> grouped;
  for (const ResidualRow& row : rows) {
    const CollectiveCase& c = row.the_case;
    const double octave = std::log2(c.bytes);
    Bin& bin = grouped[{c.op, c.algorithm, c.protocol, static_cast<int>(c.nodes),
                        static_cast<int>(c.gpus_per_node)}]
                      [static_cast<int>(std::lround(octave * kBinsAnOctave))];
    bin.regime = static_cast<std::size_t>(regime_of(c.bytes));
    bin.octave += octave;
    bin.sum += row.residual;
    bin.residuals.push_back(row.residual);
  }
  std::vector<Curve> curves;
  for (const auto& [key, bins] : grouped) {
    Curve curve;
    std::tie(curve.out.op, curve.out.algorithm, curve.out.protocol, curve.out.nodes,
             curve.out.gpus_per_node) = key;
    for (const auto& [index, bin] : bins) {
      curve.bins.push_back(bin);
      curve.bins.back().octave /= bin.count();
      curve.bins.back().centre = base::median(bin.residuals);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

PerRegime noise_of(const std::vector<Curve>& curves) {
  std::array<std::vector<double>, kRegimes> deviations;
  for (const Curve& curve : curves) {
    for (const Bin& bin : curve.bins) {
      if (bin.residuals.size() < 2) continue;
      const double unbias = std::sqrt(bin.count() / (bin.count() - 1.0));
      for (const double residual : bin.residuals)
        deviations[bin.regime].push_back(std::abs(residual - bin.sum / bin.count()) * unbias);
    }
  }
  PerRegime noise{};
  for (std::size_t r = 0; r < noise.size(); ++r) {
    const double rows = 0.5 * static_cast<double>(deviations[r].size());
    const double own = 1.48 * quantile(deviations[r], 0.5);
    const double squares = kNoiseRows * kUsualNoise[r] * kUsualNoise[r] + rows * own * own;
    noise[r] = std::min(kMostNoise, std::sqrt(squares / (kNoiseRows + rows)));
  }
  return noise;
}

// The Gaussian process of one curve.
class Process {
 public:
  Process(const Curve& curve, double amplitude, const PerRegime& noise) : curve_(curve) {
    const auto n = static_cast<Index>(curve.bins.size());
    covariance_ = MatrixXd(n, n);
    noise_ = VectorXd(n);
    mean_ = VectorXd(n);
    for (Index i = 0; i < n; ++i) {
      const Bin& bin = curve.bins[static_cast<std::size_t>(i)];
      covariance_.row(i) = towards(bin.octave, amplitude).transpose();
      noise_[i] = noise[bin.regime] * noise[bin.regime] / bin.count();
      mean_[i] = bin.centre;
    }
    solve();
  }

  // Log of the marginal likelihood with Student's t for each innovation.
  double evidence() const {
    MatrixXd total = covariance_;
    total.diagonal() += noise_;
    const Eigen::LLT<MatrixXd> root(total);
    const VectorXd z = root.matrixL().solve(mean_);
    double sum = 0.0;
    for (Index i = 0; i < z.size(); ++i)
      sum -= 2.5 * std::log1p(z[i] * z[i] / 4.0) + std::log(root.matrixLLT()(i, i));
    return sum;
  }

  // Outliers count less: three rounds of reweighting.
  void settle() {
    const VectorXd trusted = noise_;
    for (int round = 0; round < 3; ++round) {
      const VectorXd left = mean_ - covariance_ * alpha_;
      for (Index i = 0; i < left.size(); ++i) {
        const double z = left[i] / (kOutlier * std::sqrt(trusted[i]));
        noise_[i] = trusted[i] * std::sqrt(1.0 + z * z);
      }
      solve();
    }
  }

  ResidualKnot at(double octave, double amplitude) const {
    const VectorXd k = towards(octave, amplitude);
    const double variance = amplitude * amplitude - k.dot(inverse_ * k);
    return {k.dot(alpha_), std::sqrt(std::max(0.0, variance))};
  }

  // |z| of every row, predicted from all others.
  void leave_one_out(const PerRegime& noise, std::array<std::vector<double>, kRegimes>& out) const {
    for (std::size_t i = 0; i < curve_.bins.size(); ++i) {
      const Bin& bin = curve_.bins[i];
      const auto at = static_cast<Index>(i);
      const double own = noise[bin.regime] * noise[bin.regime];
      const double mean = bin.centre - alpha_[at] / inverse_(at, at);
      const double variance = std::max(1e-8, 1.0 / inverse_(at, at) - noise_[at]);
      for (const double residual : bin.residuals) {
        // The curve without this size, then this size's other rows.
        const double others = (bin.count() - 1.0) / own, precision = 1.0 / variance + others;
        const double sum = (bin.sum - residual) / own;
        const double expected = (mean / variance + sum) / precision;
        out[bin.regime].push_back(std::abs(residual - expected) / std::sqrt(1.0 / precision + own));
      }
    }
  }

 private:
  VectorXd towards(double octave, double amplitude) const {
    VectorXd k(static_cast<Index>(curve_.bins.size()));
    for (Index i = 0; i < k.size(); ++i) {
      const double away = std::abs(octave - curve_.bins[static_cast<std::size_t>(i)].octave);
      k[i] = amplitude * amplitude * std::exp(-away / kOctaves);
    }
    return k;
  }

  void solve() {
    MatrixXd total = covariance_;
    total.diagonal() += noise_;
    inverse_ = total.inverse();
    alpha_ = inverse_ * mean_;
  }

  const Curve& curve_;
  MatrixXd covariance_, inverse_;
  VectorXd noise_, mean_, alpha_;
};

double amplitude_of(const std::vector<Curve>& curves, const PerRegime& noise) {
  double best = kUsualAmplitude, most = -std::numeric_limits<double>::infinity();
  for (const double amplitude : {0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.09, 0.12, 0.18, 0.25}) {
    const double away = std::log(amplitude / kUsualAmplitude);
    double sum = -0.5 * away * away;
    for (const Curve& curve : curves) sum += Process(curve, amplitude, noise).evidence();
    if (sum > most) {
      most = sum;
      best = amplitude;
    }
  }
  return best;
}

}  // namespace

Residuals fit_residuals(std::span<const ResidualRow> rows) {
  Residuals out;
  std::vector<Curve> curves = curves_of(rows);
  out.noise = noise_of(curves);
  out.amplitude = amplitude_of(curves, out.noise);
  std::array<std::vector<double>, kRegimes> z;
  for (Curve& curve : curves) {
    Process process(curve, out.amplitude, out.noise);
    process.settle();
    process.leave_one_out(out.noise, z);
    const int last = static_cast<int>(std::ceil(curve.bins.back().octave - 0.05));
    curve.out.first_octave = static_cast<int>(std::floor(curve.bins.front().octave + 0.05));
    for (int octave = curve.out.first_octave; octave <= last; ++octave)
      curve.out.knots.push_back(process.at(octave, out.amplitude));
    out.curves.push_back(std::move(curve.out));
  }
  for (std::size_t r = 0; r < z.size(); ++r) {
    const double n = static_cast<double>(z[r].size());
    const double own = kFlattery[r] * quantile(z[r], 0.9);
    out.scale[r] = (n * own + kScaleRows * kUsualScale[r]) / (n + kScaleRows);
  }
  return out;
}

}  // namespace windtunnel::calibration
