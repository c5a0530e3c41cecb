#include "calibration/kernels/log_parameter_fit.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kTurn = 2.0;  // c of rho
constexpr double kStep = 1e-4;
constexpr double kObservationsARow = 0.25;

class LogFitter {
 public:
  explicit LogFitter(const LogFitProblem& problem)
      : problem_(problem), start_(static_cast<Eigen::Index>(problem.parameters.size())) {
    for (std::size_t j = 0; j < problem.parameters.size(); ++j) {
      start_[static_cast<Eigen::Index>(j)] = std::log(problem.parameters[j].start);
    }
  }

  LogFit run();

 private:
  using Vector = Eigen::VectorXd;

  Vector clamped(Vector x) const {
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const LogParameter& p = problem_.parameters[static_cast<std::size_t>(j)];
      x[j] = std::clamp(x[j], std::log(p.least), std::log(p.most));
    }
    return x;
  }
  // Misses in units of sigma.
  Vector misses(const Vector& x) const;
  double cost(const Vector& x, const Vector& miss) const;
  void linearize(const Vector& x, const Vector& miss, Eigen::MatrixXd& normal, Vector& slope) const;

  const LogFitProblem& problem_;
  Vector start_;
};

LogFitter::Vector LogFitter::misses(const Vector& x) const {
  std::vector<double> values(static_cast<std::size_t>(x.size()));
  for (std::size_t j = 0; j < values.size(); ++j) {
    values[j] = std::exp(x[static_cast<Eigen::Index>(j)]);
  }
  Vector result(static_cast<Eigen::Index>(problem_.rows));
  problem_.evaluate(values, {result.data(), problem_.rows});
  for (std::size_t i = 0; i < problem_.rows; ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    result[at] = (result[at] - problem_.log_measured[i]) / problem_.sigma;
  }
  return result;
}

double LogFitter::cost(const Vector& x, const Vector& miss) const {
  double sum = (x - start_).squaredNorm() / (problem_.prior_width * problem_.prior_width);
  for (Eigen::Index i = 0; i < miss.size(); ++i) {
    const double r = miss[i] / kTurn;
    sum += 2 * kTurn * kTurn * (std::sqrt(1 + r * r) - 1);
  }
  return sum;
}

void LogFitter::linearize(const Vector& x, const Vector& miss, Eigen::MatrixXd& normal,
                          Vector& slope) const {
  Eigen::MatrixXd jacobian(miss.size(), x.size());
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    Vector moved = x;
    moved[j] += kStep;
    jacobian.col(j) = (misses(moved) - miss) / kStep;
  }
  const Vector weights = (1 + (miss / kTurn).array().square()).sqrt().inverse().matrix();
  const double prior = 1 / (problem_.prior_width * problem_.prior_width);
  normal = jacobian.transpose() * weights.asDiagonal() * jacobian;
  normal.diagonal().array() += prior;
  slope = jacobian.transpose() * (weights.array() * miss.array()).matrix() + prior * (x - start_);
}

LogFit LogFitter::run() {
  Vector x = clamped(start_), miss = misses(x), slope;
  double best = cost(x, miss), damping = 1e-3;
  Eigen::MatrixXd normal;
  linearize(x, miss, normal, slope);
  for (int iteration = 0; iteration < problem_.iterations; ++iteration) {
    Eigen::MatrixXd damped = normal;
    damped.diagonal() *= 1 + damping;
    const Vector tried = clamped(x - damped.ldlt().solve(slope));
    const Vector tried_miss = misses(tried);
    const double tried_cost = cost(tried, tried_miss);
    if (!(tried_cost < best)) {
      damping *= 8;
      if (damping > 1e6) break;
      continue;
    }
    const bool settled = best - tried_cost < 1e-5 * best;
    x = tried;
    miss = tried_miss;
    best = tried_cost;
    damping = std::max(damping / 5, 1e-7);
    linearize(x, miss, normal, slope);
    if (settled) break;
  }
  const Eigen::MatrixXd covariance =
      (normal * kObservationsARow).ldlt().solve(Eigen::MatrixXd::Identity(x.size(), x.size()));
  LogFit result{{}, {}, best};
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    result.values.push_back(std::exp(x[j]));
    result.standard_errors.push_back(std::exp(x[j]) * std::sqrt(std::max(covariance(j, j), 0.0)));
  }
  return result;
}

}  // namespace

LogFit fit_log_parameters(const LogFitProblem& problem) {
  base::expects(problem.rows == problem.log_measured.size(), "a measured time for each row");
  for (const LogParameter& p : problem.parameters) {
    base::expects(p.least > 0 && p.least < p.most, "a parameter has positive bounds");
  }
  return LogFitter(problem).run();
}

}  // namespace windtunnel::calibration
