// Laws of the collective model, its fit, and the profiles and bands made of them.
#include "calibration/collective_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "calibration/calibrate.hpp"
#include "calibration/fabric_fit.hpp"
#include "calibration/fabric_model.hpp"
#include "calibration/robust_fit.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

using collectives::Algorithm;
using collectives::Op;

CollectiveMeasurement row_of(Op op, double bytes, int nodes, int gpus) {
  CollectiveMeasurement row;
  row.op = op;
  row.bytes = base::Bytes(bytes);
  row.nodes = nodes;
  row.gpus_per_node = gpus;
  row.gpu = "h100-sxm";
  row.fabric = "lab";
  row.interconnect = "NDR InfiniBand 8x400Gb/s per node";
  row.launch = "per_gpu_process";
  row.stack = "nccl 2.28.9";
  row.source = "made";
  row.time = base::Seconds(1e-3);
  return row;
}

TEST(CollectiveModel, EveryCandidateIsMonotoneInBytesAndAboveTheLaunchFloor) {
  ParamVector params = initial_params();
  params[static_cast<int>(Param::peer_small)] =
      -20.0;  // the one drop there is: where small sends end
  const double floor = std::exp(params[static_cast<int>(Param::host)]);
  for (const Op op : collectives::kOps) {
    for (const int nodes : {1, 2, 3, 16, 512}) {
      std::array<double, kCandidates> last{};
      for (double bytes = 8; bytes < 2e10; bytes *= 2) {
        const PreparedCase c = prepare(case_of(row_of(op, bytes, nodes, 8)));
        for (int k = 0; k < kCandidates; ++k) {
          if (!std::isfinite(c.log_cost[static_cast<std::size_t>(k)])) continue;
          const double time = candidate_time(params, c, static_cast<Candidate>(k));
          EXPECT_GT(time, floor);
          EXPECT_GE(time, last[static_cast<std::size_t>(k)])
              << to_text(op) << " " << nodes << " " << bytes;
          last[static_cast<std::size_t>(k)] = time;
        }
      }
    }
  }
}

TEST(CollectiveModel, LargeMessagesApproachTheBandwidthOfTheNarrowestLink) {
  const ParamVector params = initial_params();
  const PreparedCase c = prepare(case_of(row_of(Op::all_reduce, 64e9, 1, 8)));
  const double busbw =
      64e9 * 2.0 * 7.0 / 8.0 / (candidate_time(params, c, Candidate::ring_simple) * 1e-6);
  EXPECT_NEAR(busbw, 360e9, 0.03 * 360e9);
}

TEST(CollectiveModel, MoreNodesNeverMakeACandidateFaster) {
  const ParamVector params = initial_params();
  for (const double bytes : {8.0, 1e5, 1e7, 4e9}) {
    double last_ring = 0.0, last_tree = 0.0;
    for (const int nodes : {4, 8, 16, 64, 256, 512}) {
      const PreparedCase c = prepare(case_of(row_of(Op::all_reduce, bytes, nodes, 8)));
      const double ring = candidate_time(params, c, Candidate::ring_simple);
      const double tree = candidate_time(params, c, Candidate::tree_simple);
      EXPECT_GT(ring, last_ring);
      EXPECT_GT(tree, last_tree);
      last_ring = ring;
      last_tree = tree;
    }
  }
}

TEST(CollectiveModel, OneProcessForAllGpusRaisesTheFloorByAsMuchAsTheModelSays) {
  const ParamVector params = initial_params();
  CollectiveMeasurement row = row_of(Op::all_reduce, 8, 1, 8);
  const double per_gpu = std::exp(log_time(params, prepare(case_of(row))));
  row.launch = "one_process_per_node";
  const double together = std::exp(log_time(params, prepare(case_of(row))));
  EXPECT_NEAR(together - per_gpu, 7.0 * 4.0, 0.05);  // candidates are averaged as logarithms
}

TEST(CollectiveModel, ChoiceWeightsSumToOneAndForcedAlgorithmsAreKept) {
  for (const double bytes : {8.0, 1e6, 1e9}) {
    CollectiveMeasurement row = row_of(Op::all_reduce, bytes, 4, 8);
    row.algorithm = Algorithm::double_binary_tree;
    const auto weights = choice(initial_params(), prepare(case_of(row)));
    double sum = 0.0;
    for (const double w : weights) sum += w;
    EXPECT_NEAR(sum, 1.0, 1e-12);
    EXPECT_NEAR(weights[0] + weights[1] + weights[2], 1.0, 1e-12);
  }
}

// Rows drawn from the model with known parameters, 4 % noise and every 15th row 3 times too slow.
std::vector<CollectiveMeasurement> drawn_rows(const ParamVector& truth, std::vector<int> nodes) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise(0.0, 0.04);
  std::vector<CollectiveMeasurement> rows;
  for (const Op op : {Op::all_reduce, Op::all_gather}) {
    for (const int n : nodes) {
      for (double bytes = 64; bytes < 5e9; bytes *= 2) {
        CollectiveMeasurement row = row_of(op, bytes, n, 8);
        double log_us = log_time(truth, prepare(case_of(row))) + noise(random);
        if (rows.size() % 15 == 14) log_us += std::log(3.0);
        row.time = base::Seconds(std::exp(log_us) * 1e-6);
        row.origin = {"drawn", static_cast<int>(rows.size()) + 1};
        rows.push_back(row);
      }
    }
  }
  return rows;
}

ParamVector known_truth() {
  ParamVector truth = initial_params();
  truth[static_cast<int>(Param::host)] = std::log(9.0);
  truth[static_cast<int>(Param::net_ll)] = std::log(7.0);
  truth[static_cast<int>(Param::net_rate_simple)] = std::log(0.75);
  return truth;
}

TEST(RobustFit, RecoversParametersAndPredictionsThroughNoiseAndOutliers) {
  const ParamVector truth = known_truth();
  std::vector<PreparedCase> cases;
  for (const auto& row : drawn_rows(truth, {1, 2, 4, 8})) {
    cases.push_back(prepare(case_of(row)));
    cases.back().log_time = std::log(row.time.value() * 1e6);
  }
  FitProblem problem;
  problem.rows = &cases;
  const FitResult made = fit(problem);
  const auto value = [&](Param p) { return std::exp(made.params[static_cast<int>(p)]); };
  // all_gather sees only the product of the two, and congestion and the priors share in it: 10 %.
  EXPECT_NEAR(value(Param::net_rate_simple) * value(Param::rate_all_gather), 0.75, 0.08);
  EXPECT_NEAR(value(Param::host), 9.0, 2.0);
  for (const int nodes : {4, 32, 128}) {
    for (const double bytes : {64.0, 1e6, 1e9}) {
      const PreparedCase c = prepare(case_of(row_of(Op::all_reduce, bytes, nodes, 8)));
      EXPECT_NEAR(log_time(made.params, c), log_time(truth, c), nodes > 8 ? 0.20 : 0.08)
          << nodes << " nodes, " << bytes << " B";
    }
  }
  for (int i = 0; i < kParams; ++i) {
    EXPECT_GT(made.standard_error[i], 0.0);
    EXPECT_LE(made.standard_error[i], prior_spread()[i] * 1.001);
  }
}

TEST(FabricProfile, SurvivesYamlWithoutAChangeThatMatters) {
  FabricProfile made = fit_profile(drawn_rows(known_truth(), {1, 2, 4}), {});
  made.name = "lab \"quoted\"";
  base::Diagnostics diagnostics;
  const auto back = profile_from_yaml(to_yaml(made), "p.yaml", diagnostics);
  ASSERT_TRUE(back) << diagnostics.to_text();
  EXPECT_EQ(back->name, made.name);
  const FabricModel before(made), after(*back);
  for (const Op op : {Op::all_reduce, Op::all_gather, Op::all_to_all}) {
    for (const int nodes : {1, 4, 64}) {
      const CollectiveMeasurement row = row_of(op, 1e6, nodes, 8);
      EXPECT_NEAR(before.predict(row)->time / after.predict(row)->time, 1.0, 0.01);
      EXPECT_EQ(before.predict(row)->rests_on, after.predict(row)->rests_on);
    }
  }
  EXPECT_EQ(to_yaml(*back), to_yaml(*profile_from_yaml(to_yaml(*back), "p.yaml", diagnostics)));
}

// What a writer would have ended this text with, whatever it says.
std::string sealed(const std::string& text) {
  const std::string body = text.substr(0, text.rfind("\nend: ") + 1);
  return body + "end: {fabrics: 1, sha256: " + base::sha256(body) + "}\n";
}

std::string complaint(const std::string& text) {
  base::Diagnostics diagnostics;
  EXPECT_FALSE(profile_from_yaml(text, "p.yaml", diagnostics));
  EXPECT_TRUE(diagnostics.has_errors());
  return diagnostics.to_text();
}

TEST(FabricProfile, DamagedYamlIsReportedWhereItStands) {
  const std::string text = to_yaml(fit_profile(drawn_rows(known_truth(), {1}), {}));
  const std::string head = "\nschema: windtunnel.fabric_profile/2\n";
  const std::size_t net_ll = text.find("net_ll:", text.find("\n    parameters:"));
  for (const std::string& bad :
       {std::string("schema: other/1\n"), std::string("{"), std::string("- 1\n"),
        sealed(head + "name: {\n\nend: "), sealed(head + "fabrics: [1]\n\nend: "),
        sealed(text.substr(0, text.find("settings:")) + "settings: []\n\nend: "),
        sealed(std::string(text).replace(net_ll, 6, "net_lx"))}) {
    EXPECT_NE(complaint(bad).find("p.yaml:"), std::string::npos) << complaint(bad);
  }
  EXPECT_NE(complaint(sealed(std::string(text).replace(net_ll, 6, "net_lx")))
                .find("unknown parameter 'net_lx'; did you mean"),
            std::string::npos);
}

TEST(FabricProfile, CutOffAnywhereOrChangedItIsRefused) {
  const std::string text = to_yaml(fit_profile(drawn_rows(known_truth(), {1}), {}));
  const std::size_t schema = text.find("windtunnel.fabric_profile/2\n") + 28;
  for (std::size_t length = schema; length < text.size(); length += length % 7 + 1)
    ASSERT_NE(complaint(text.substr(0, length)).find("this profile breaks off"), std::string::npos)
        << length;
  EXPECT_NE(complaint(text.substr(0, text.size() - 1)).find("breaks off"), std::string::npos);
  std::string changed = text;
  changed[text.find("amplitude: ") + 13] ^= 1;  // a digit
  EXPECT_NE(complaint(changed).find("was changed after it was written"), std::string::npos);
}

double width(const FabricModel& model, const CollectiveMeasurement& row) {
  const auto p = model.predict(row);
  EXPECT_LT(p->band.low, p->time.value());
  EXPECT_GT(p->band.high, p->time.value());
  return std::log(p->band.high / p->band.low);
}

TEST(FabricModel, BandsWidenWithTheDistanceFromWhatWasMeasured) {
  const FabricModel model(fit_profile(drawn_rows(known_truth(), {1, 2, 4}), {}));
  double last = 0.0;
  for (const int nodes : {4, 8, 16, 64, 512}) {
    const double now = width(model, row_of(Op::all_reduce, 1e6, nodes, 8));
    EXPECT_GT(now, last) << nodes;
    last = now;
  }
  const CollectiveMeasurement seen = row_of(Op::all_reduce, 4e9, 4, 8);
  EXPECT_GT(width(model, row_of(Op::all_reduce, 64e9, 4, 8)), width(model, seen));
  EXPECT_GT(width(model, row_of(Op::reduce_scatter, 4e9, 4, 8)), width(model, seen));
  CollectiveMeasurement elsewhere = seen;
  elsewhere.fabric = "never-seen";
  EXPECT_GT(width(model, elsewhere), width(model, seen));
  EXPECT_EQ(model.predict(seen)->rests_on, std::vector<std::string>{"interpolated"});
  EXPECT_EQ(model.predict(elsewhere)->rests_on,
            (std::vector<std::string>{"model", "extrapolated"}));
}

TEST(FabricModel, MoreThanOneAndAHalfTimesOutsideWhatWasMeasuredIsExtrapolated) {
  const FabricModel model(fit_profile(drawn_rows(known_truth(), {1, 4, 8}), {}));
  const auto extrapolated = [&](double bytes, int nodes, int gpus) {
    const auto rests_on = model.predict(row_of(Op::all_reduce, bytes, nodes, gpus))->rests_on;
    return std::find(rests_on.begin(), rests_on.end(), "extrapolated") != rests_on.end();
  };
  EXPECT_FALSE(extrapolated(1e6, 8, 8));
  EXPECT_FALSE(extrapolated(1e6, 6, 8));
  EXPECT_FALSE(extrapolated(1e6, 11, 8));
  EXPECT_TRUE(extrapolated(1e6, 13, 8));
  EXPECT_TRUE(extrapolated(1e6, 2, 8));  // one node says nothing about the network
  EXPECT_FALSE(extrapolated(50, 8, 8));
  EXPECT_TRUE(extrapolated(32, 8, 8));
  EXPECT_TRUE(extrapolated(9e9, 8, 8));
  EXPECT_TRUE(extrapolated(1e6, 1, 4));
}

collectives::TimeQuery dgx_query(Algorithm algorithm, double bytes) {
  collectives::TimeQuery query;
  query.algorithm = algorithm;
  query.bytes = base::Bytes(bytes);
  query.nodes = 16;
  query.gpus_per_node = 8;
  query.gpu = "h100-sxm";
  query.nic_bandwidth = base::BytesPerSecond(50e9);
  query.nics_per_node = 8;
  return query;
}

TEST(FabricModel, RingAndTreeCrossOnSixteenNodesOfEightGpus) {
  const auto model = shipped_model();
  for (const Algorithm tree : {Algorithm::tree, Algorithm::double_binary_tree}) {
    const auto faster = [&](double bytes) {
      return model->predict(dgx_query(tree, bytes))->time <
             model->predict(dgx_query(Algorithm::ring, bytes))->time;
    };
    EXPECT_TRUE(faster(1024));
    EXPECT_FALSE(faster(16e9));
  }
}

TEST(FabricModel, RefusesWhatNcclDoesNotRunAndSaysWhy) {
  const auto model = shipped_model();
  EXPECT_FALSE(model->predict(dgx_query(Algorithm::halving_doubling, 1024)));
  std::string reason;
  EXPECT_FALSE(model->predict(row_of(Op::all_reduce, 8, 1, 1), &reason));
  EXPECT_EQ(reason, "a collective of one rank");
}

TEST(Calibrate, StatesItsHeldOutErrorAndValidatesItsOwnRows) {
  Measurements measured;
  measured.collectives = drawn_rows(known_truth(), {1, 2, 4});
  for (auto& row : measured.collectives) row.fabric.clear();
  measured.files.push_back({"drawn.csv", std::string(64, 'a'), "measurement CSV"});
  const Calibration made =
      calibrate({measured}, {.fabric = "mine", .date = "2025-01-31", .tool_version = "test"});
  ASSERT_TRUE(made.profile) << made.diagnostics.to_text();
  EXPECT_EQ(made.profile->name, "mine");
  const Provenance& p = made.profile->provenance;
  EXPECT_EQ(p.rows_used, static_cast<int>(measured.collectives.size()));
  EXPECT_GT(p.rows_held_out, 20);
  EXPECT_LT(p.held_out_median_abs_error, 0.15);
  const Validation validation = validate(FabricModel(*made.profile), measured);
  const auto facts = validation.facts();
  EXPECT_LT(facts.at("median_abs_error"), 0.06);
  EXPECT_LT(facts.at("mean_abs_error"), facts.at("null_mean_abs_error"));
  EXPECT_GE(facts.at("inside_band"), 0.85);
  EXPECT_EQ(facts.at("rows") + facts.at("skipped"),
            static_cast<double>(measured.collectives.size()));
  EXPECT_FALSE(calibrate({}, {}).profile);
}

TEST(LinkFacts, XgmiGivesAsManyRingsAsOtherGpusTakePart) {
  const auto of = [](int gpus) {
    return link_facts({.gpu = "mi300x",
                       .interconnect = "NVLink, no NVSwitch",
                       .stack = "",
                       .nodes = 1,
                       .gpus_per_node = gpus});
  };
  EXPECT_DOUBLE_EQ(of(8).intra_ring, 7 * of(2).intra_ring);
  // 304 GB/s is what AMD's acceptance of a node of MI300X asks of a large all-reduce
  EXPECT_NEAR(of(8).intra_ring, 304e9, 0.05 * 304e9);
  EXPECT_FALSE(of(8).nvls);
  EXPECT_FALSE(of(8).guessed);
}

TEST(LinkFacts, WithoutAnNvSwitchThereIsNoReductionInIt) {
  const auto nvls = [](const char* interconnect) {
    return link_facts({.gpu = "h100-sxm", .interconnect = interconnect, .stack = "", .nodes = 2})
        .nvls;
  };
  EXPECT_TRUE(nvls("InfiniBand 8x400Gb/s per node"));
  EXPECT_FALSE(nvls("InfiniBand 8x400Gb/s per node, no NVSwitch"));
  EXPECT_FALSE(nvls("InfiniBand 8x400Gb/s per node; NVLink without NVSwitch"));
  EXPECT_FALSE(nvls("InfiniBand 8x400Gb/s per node; PCIe"));
  // A V100 mesh stays a mesh when its text says what it lacks.
  const auto ring = [](const char* interconnect) {
    return link_facts({.gpu = "v100-sxm2",
                       .interconnect = interconnect,
                       .stack = "",
                       .nodes = 1,
                       .gpus_per_node = 2})
        .intra_ring;
  };
  EXPECT_EQ(ring("NVLink, no NVSwitch"), ring("NVLink"));
  EXPECT_LT(ring("NVLink, no NVSwitch"), ring("NVLink + NVSwitch"));
}

TEST(Calibrate, ARateThatNoLinkHasIsAWarningWithItsPlace) {
  Measurements measured;
  measured.collectives = drawn_rows(known_truth(), {1, 2});
  EXPECT_TRUE(calibrate({measured}, {}).diagnostics.all().empty());
  measured.collectives[20].time = measured.collectives[20].time * 1e-3;
  const Calibration made = calibrate({measured}, {});
  ASSERT_TRUE(made.profile);
  EXPECT_NE(made.diagnostics.to_text().find("drawn:21: warning: implies "), std::string::npos)
      << made.diagnostics.to_text();
}

TEST(Validate, TheNullModelIsALeaveOneOutMedianOfBusbw) {
  std::vector<CollectiveMeasurement> rows;
  for (const double us : {100.0, 200.0, 400.0}) {
    rows.push_back(row_of(Op::broadcast, 1e6, 1, 8));
    rows.back().time = base::Seconds(us * 1e-6);
  }
  // busbw 10, 5, 2.5 GB/s: the others' medians are 3.75, 6.25, 7.5.
  const auto errors = null_model_errors(rows);
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_NEAR(errors[0], 10.0 / 3.75 - 1.0, 1e-9);
  EXPECT_NEAR(errors[1], 1.0 - 5.0 / 6.25, 1e-9);
  EXPECT_NEAR(errors[2], 1.0 - 2.5 / 7.5, 1e-9);
}

}  // namespace
}  // namespace windtunnel::calibration
