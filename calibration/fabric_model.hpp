// A fabric profile put to work: times, bands and choices for queries (collectives::TimeModel) and
// for measured rows.
//
// How a query finds its parameters: fabric by name and GPU (a query without a fabric name takes
// that of a profile of one fabric), else the shared parameters of its GPU generation and transport;
// in the fabric, the setting with the same interconnect, launch, tuning and stack, else the one
// that shares most of them and has the op; in it the op's own vector. What stood in is said in
// `note`. `rests_on`: "interpolated" inside the sizes, nodes and GPU counts fitted of this op in
// this setting, "model" between or near them, "model" and "extrapolated" more than a factor 1.5
// beyond any of them (of node counts above one, those above one), or where fabric or op were never
// fitted. Algorithms: ring, double_binary_tree, in_network (NVLS) and, for all_to_all
// and send_recv, direct and pairwise. `tree`, one binary tree, is nothing NCCL runs: it gets the
// double tree's latency and half its bandwidth, flagged extrapolated. Others: no answer; the caller
// simulates them, on links that cost what link_costs() says. Bands hold 90 % of single
// measurements of other runs (see BandModel), not of means.
//
// Link costs are those of the ring's formula (link_terms): its launch floor, its hops, its rates in
// the node and of the NICs, of the protocol that the query states, else of the one that NCCL's ring
// takes at this size (Simple for ops without a ring). Where one NVLink domain holds several nodes,
// every message has the mean of the ring's hops and the narrower of its rates. Rule of the band: an
// algorithm that was never measured is known to a factor of two either way, which is what the same
// simulation keeps to for the ring itself, and this is added in quadrature to what is not known of
// the ring: half width = sqrt(h^2 + (log 2)^2).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "calibration/fabric_profile.hpp"
#include "collectives/time_model.hpp"

namespace windtunnel::calibration {

struct Resolved {
  const ParamVector* params = nullptr;   // points into `shared` or the profile
  const ResidualField* field = nullptr;  // of the fabric, where it is known
  ParamVector shared;
  double half_width = 0.0;  // of log time, 90 %, without the residuals' part
  bool fabric_known = false, setting_known = false, op_known = false, inside = false;
  bool far = false;  // more than a factor 1.5 outside the sizes or counts fitted
  std::string note;
};

class FabricModel final : public collectives::TimeModel {
 public:
  explicit FabricModel(FabricProfile profile);

  std::string name() const override { return profile_.name; }
  std::optional<collectives::TimePrediction> predict(
      const collectives::TimeQuery& query) const override;
  std::optional<collectives::LinkCosts> link_costs(
      const collectives::TimeQuery& query) const override;
  // A measured row, its time not looked at. Nothing where the model cannot speak; `reason` says
  // why.
  std::optional<collectives::TimePrediction> predict(const CollectiveMeasurement& row,
                                                     std::string* reason = nullptr) const;

  const FabricProfile& profile() const { return profile_; }

 private:
  struct Question {
    CollectiveCase the_case;
    std::string gpu, fabric, interconnect, launch, tuning, stack;
  };
  Question question_of(const collectives::TimeQuery& query) const;
  std::optional<collectives::TimePrediction> answer(const Question& question,
                                                    std::string* reason) const;
  // By value, since `params` may point into it.
  void resolve(const Question& question, Resolved& out) const;
  const Fabric* find_fabric(const Question& question) const;
  static const Setting* find_setting(const Fabric& fabric, const Question& question);

  FabricProfile profile_;
  std::vector<ResidualField> fields_;  // one a fabric of the profile
};

// The shipped profile as a model.
std::unique_ptr<FabricModel> shipped_model();

}  // namespace windtunnel::calibration
