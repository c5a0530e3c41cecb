// What the physical model leaves over and repeats itself: a smooth correction of log time by size,
// one curve for each (op, forced algorithm and protocol, nodes, GPUs a node) of a fabric.
//
// Model: measured log time = model + u(x) + e, x = log2 bytes. u is an Ornstein-Uhlenbeck process
// over x with amplitude a and length 2 octaves (a smooth step between protocols that the model sets
// a little wrong has about that width); e is noise of the runs, s by size regime. a is shared by a
// fabric's curves and is the maximum of their marginal likelihood (Student's t, 4 degrees of
// freedom, so that outliers do not raise it) under a log-normal prior; s comes from the spread of
// repeated runs of one case (1.48 x median deviation), shrunk towards that of all fabrics. What is
// kept: posterior mean and standard deviation at knots one octave apart, shrunk towards 0 by noise,
// no times. Between knots both are interpolated, beyond the last one u decays to 0 and its variance
// grows to a^2. Between node counts and GPU counts u is correlated as exp(-|log2 nodes| / 2 - |log2
// GPUs|), never between one node and several; twin ops (broadcast and reduce; all_gather and
// reduce_scatter), of which one was not measured, are correlated by 0.9. A case whose algorithm is
// forced and has no curve of its own shares the automatic curve as far as it would have been
// chosen.
//
// Bands: z = leave-one-out error / its predicted deviation, of every row fitted; `scale` is the 90
// % quantile of |z| by regime, shrunk towards what it is over all fabrics, so that heavy tails and
// a misjudged s widen the band and rows that agree narrow it.
#pragma once

#include <Eigen/Core>
#include <array>
#include <span>
#include <vector>

#include "calibration/perceived_cost.hpp"

namespace windtunnel::calibration {

// Size regimes: below 64 KiB, up to 64 MiB, above.
inline constexpr int kRegimes = 3;
int regime_of(double bytes);

struct ResidualKnot {
  double mean = 0.0, deviation = 0.0;  // of log time
};
struct ResidualCurve {
  collectives::Op op = collectives::Op::all_reduce;
  collectives::Algorithm algorithm = collectives::Algorithm::automatic;
  collectives::Protocol protocol = collectives::Protocol::automatic;
  int nodes = 1, gpus_per_node = 1;
  int first_octave = 0;  // log2 bytes of the first knot
  std::vector<ResidualKnot> knots;
};

struct Residuals {
  double amplitude = 0.0;                // a, of log time
  std::array<double, kRegimes> noise{};  // s
  std::array<double, kRegimes> scale{};  // half width of the 90 % band / deviation
  std::vector<ResidualCurve> curves;
};

// A fitted row: what the curve is keyed by, and measured less modelled log time.
struct ResidualRow {
  CollectiveCase the_case;
  double residual = 0.0;
};
Residuals fit_residuals(std::span<const ResidualRow> rows);

// Residuals put to work. Holds a copy; a query allocates nothing where its curve was measured.
class ResidualField {
 public:
  explicit ResidualField(const Residuals& residuals);
  ResidualField() = default;

  // Of log time. `chosen`: share of the forced candidate in the automatic choice, 1 where nothing
  // is forced.
  ResidualKnot at(const CollectiveCase& the_case, double chosen) const;
  double noise(int regime) const { return residuals_.noise[static_cast<std::size_t>(regime)]; }
  double scale(int regime) const { return residuals_.scale[static_cast<std::size_t>(regime)]; }

 private:
  struct Group {  // the curves of one (op, algorithm, protocol)
    std::vector<std::size_t> curves;
    Eigen::MatrixXd inverse;  // of their correlations
  };
  const ResidualCurve& curve(const Group& group, Eigen::Index i) const {
    return residuals_.curves[group.curves[static_cast<std::size_t>(i)]];
  }
  const Group* find(collectives::Op op, collectives::Algorithm algorithm,
                    collectives::Protocol protocol) const;
  ResidualKnot between(const Group& group, const CollectiveCase& the_case) const;

  Residuals residuals_;
  std::vector<Group> groups_;
};

}  // namespace windtunnel::calibration
