#include "calibration/robust_fit.hpp"

#include <Eigen/Dense>
#include <cmath>

namespace windtunnel::calibration {
namespace {

constexpr double kCorner = 4.0;        // c, where squares turn into absolute values
constexpr double kStep = 1e-4;         // of the differences
constexpr double kRowsPerPoint = 4.0;  // rows of a curve are no independent draws

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Least squares over z with params = mean + directions * z and prior z ~ (prior_mean 0, spread).
class Solver {
 public:
  Solver(const std::vector<PreparedCase>& rows, const std::vector<double>& weights, double sigma)
      : rows_(rows), weights_(weights), sigma_(sigma) {}

  MatrixXd directions;  // kParams x m
  ParamVector mean;
  VectorXd spread;  // m

  struct Answer {
    VectorXd z, standard_error;
    double cost = 0.0;
    int iterations = 0;
  };

  Answer solve(int max_iterations) {
    VectorXd z = VectorXd::Zero(directions.cols());
    VectorXd predicted = predict(z);
    double cost = cost_of(z, predicted), damping = 1e-2;
    Answer answer;
    for (int i = 0; i < max_iterations; ++i) {
      linearise(z, predicted, i == 0);
      if (!improve(z, predicted, cost, damping)) break;
      answer.iterations = i + 1;
      if (converged_) break;
    }
    linearise(z, predicted, false);
    answer.z = z;
    answer.cost = cost;
    answer.standard_error = errors();
    return answer;
  }

 private:
  VectorXd predict(const VectorXd& z) const {
    const ParamVector params = mean + directions * z;
    VectorXd out(static_cast<Eigen::Index>(rows_.size()));
    for (std::size_t i = 0; i < rows_.size(); ++i)
      out[static_cast<Eigen::Index>(i)] = log_time(params, rows_[i]);
    return out;
  }

  double weight(std::size_t i) const { return weights_.empty() ? 1.0 : weights_[i]; }
  double residual(std::size_t i, const VectorXd& predicted) const {
    return (rows_[i].log_time - predicted[static_cast<Eigen::Index>(i)]) / sigma_;
  }

  double cost_of(const VectorXd& z, const VectorXd& predicted) const {
    double sum = z.cwiseQuotient(spread).squaredNorm();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const double r = residual(i, predicted) / kCorner;
      sum += weight(i) * 2.0 * kCorner * kCorner * (std::sqrt(1.0 + r * r) - 1.0);
    }
    return sum;
  }

  void linearise(const VectorXd& z, const VectorXd& predicted, bool first) {
    const Eigen::Index m = directions.cols(), n = predicted.size();
    if (first) active_.assign(static_cast<std::size_t>(m), true);
    MatrixXd jacobian = MatrixXd::Zero(n, m);
    for (Eigen::Index j = 0; j < m; ++j) {
      if (!active_[static_cast<std::size_t>(j)]) continue;
      VectorXd moved = z;
      moved[j] += kStep;
      jacobian.col(j) = (predict(moved) - predicted) / kStep;
      if (first && jacobian.col(j).cwiseAbs().maxCoeff() < 1e-9)
        active_[static_cast<std::size_t>(j)] = false;
    }
    VectorXd w(n), r(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      r[i] = residual(static_cast<std::size_t>(i), predicted);
      w[i] =
          weight(static_cast<std::size_t>(i)) / std::sqrt(1.0 + r[i] * r[i] / (kCorner * kCorner));
    }
    data_ = jacobian.transpose() * (w / (sigma_ * sigma_)).asDiagonal() * jacobian;
    gradient_ = jacobian.transpose() * (w.cwiseProduct(r) / sigma_) -
                z.cwiseQuotient(spread.cwiseProduct(spread));
  }

  bool improve(VectorXd& z, VectorXd& predicted, double& cost, double& damping) {
    const VectorXd prior = spread.cwiseProduct(spread).cwiseInverse();
    for (int attempt = 0; attempt < 8; ++attempt) {
      MatrixXd normal = data_;
      normal.diagonal() += prior;
      normal.diagonal() *= 1.0 + damping;
      const VectorXd step = normal.ldlt().solve(gradient_).cwiseMax(-1.0).cwiseMin(1.0);
      const VectorXd next = z + step, next_predicted = predict(next);
      const double next_cost = cost_of(next, next_predicted);
      if (next_cost < cost) {
        converged_ = cost - next_cost < 1e-4 * cost;
        z = next;
        predicted = next_predicted;
        cost = next_cost;
        damping = std::max(damping / 5.0, 1e-6);
        return true;
      }
      damping *= 4.0;
    }
    return false;
  }

  VectorXd errors() const {
    MatrixXd normal = data_ / kRowsPerPoint;
    normal.diagonal() += spread.cwiseProduct(spread).cwiseInverse();
    return normal.inverse().diagonal().cwiseSqrt();
  }

  const std::vector<PreparedCase>& rows_;
  const std::vector<double>& weights_;
  double sigma_;
  std::vector<bool> active_;
  MatrixXd data_;
  VectorXd gradient_;
  bool converged_ = false;
};

}  // namespace

FitResult fit(const FitProblem& problem) {
  Solver solver(*problem.rows, problem.weights, problem.sigma);
  solver.directions = MatrixXd::Identity(kParams, kParams);
  solver.mean = problem.mean;
  solver.spread = problem.spread;
  const auto answer = solver.solve(problem.max_iterations);
  return {problem.mean + answer.z, answer.standard_error, answer.cost, answer.iterations};
}

VectorXd fit_shifts(const ShiftProblem& problem) {
  Solver solver(*problem.rows, problem.weights, problem.sigma);
  solver.directions = MatrixXd(kParams, static_cast<Eigen::Index>(problem.directions.size()));
  for (std::size_t j = 0; j < problem.directions.size(); ++j)
    solver.directions.col(static_cast<Eigen::Index>(j)) = problem.directions[j];
  solver.mean = problem.mean;
  solver.spread = VectorXd::Constant(solver.directions.cols(), problem.spread);
  return solver.solve(12).z;
}

}  // namespace windtunnel::calibration
