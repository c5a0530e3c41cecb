// Laws of every named model in training: what is timed is what is counted, and
// no faster than the peak.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "models/networks/counts.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::Subject;

// No more tokens than any window; samples enough for dozens of rows an expert, whose number is whole.
constexpr std::int64_t kTokens = 128, kSamples = 16;
constexpr double kRowsOfExperts = 0.02;
// A scan multiplies whole tiles.
constexpr double kTilesOfScans = 0.005;

template <class Work>
bool has(const models::Network& network) {
  return std::any_of(network.blocks.begin(), network.blocks.end(), [](const models::Block& block) {
    return std::any_of(block.ops.begin(), block.ops.end(),
                       [](const models::Op& op) { return std::holds_alternative<Work>(op.work); });
  });
}

double tolerance(const models::Network& network) {
  if (has<models::MoeWork>(network)) return kRowsOfExperts;
  return has<models::ScanWork>(network) ? kTilesOfScans : 1e-6;
}

// One micro-batch on one GPU, nothing computed again, attention as products of whole
// matrices, as model FLOPs count it.
TrainJob plain_job(const models::Network& network) {
  TrainJob job;
  job.workload.sequence_length = network.sample == models::SampleKind::sequence ? kTokens : 0;
  job.workload.global_batch = kSamples;
  job.strategy.micro_batch = kSamples;
  job.strategy.attention = AttentionChoice::unfused;
  return job;
}

sim::Cluster one_gpu() {
  sim::Cluster cluster = test::h100_cluster(1);
  cluster.node.gpus = 1;
  cluster.node.nics.count = 1;
  cluster.node.scale_up = {};
  return cluster;
}

// Both passes of all ops, each gradient that has to be taken, of one sample.
double flops_of_passes(const models::Network& network, std::int64_t length) {
  const models::BatchShape batch{.query_tokens = length, .encoder_tokens = length};
  double sum = 0.0;
  for (const std::size_t index : network.order) {
    for (const models::Op& op : network.blocks[index].ops) {
      sum += (models::forward_flops(op, batch) + models::backward_flops(op, batch)).value();
    }
  }
  return sum;
}

TEST(NamedModels, AreTimedForEveryFlopThatIsCountedAndNoFasterThanThePeak) {
  const auto cluster = test::valid(one_gpu());
  // The peak that FixedRates gives products is that of the cluster's GPU.
  const double peak = cluster->node.gpu.peak.at("bf16").value();
  const test::FixedRates kernels(peak, 1e18);
  for (const std::string& name : models::model_names()) {
    SCOPED_TRACE(name);
    const Subject subject(name);
    const TrainJob job = plain_job(subject.network);
    const base::Outcome out =
        run_train(job, {subject.model, subject.network}, {cluster, kernels, nullptr});
    ASSERT_TRUE(out.facts.contains("iteration_time_s")) << out.reason;
    const double time = out.facts.at("iteration_time_s");
    const double done = out.facts.at("hardware_flops_per_gpu_per_s") * time / kSamples;
    const double counted =
        flops_of_passes(subject.network, std::max<std::int64_t>(1, job.workload.sequence_length));
    EXPECT_NEAR(done / counted, 1.0, tolerance(subject.network));
    EXPECT_GE(time, kSamples * done / peak * (1.0 - 1e-9));
  }
}

TrainJob t5_job(std::int64_t encoder_length) {
  TrainJob job;
  job.workload.sequence_length = 512;
  job.workload.encoder_length = encoder_length;
  job.workload.global_batch = 16;
  job.strategy.sizes.pipeline = 4;
  return job;
}

TEST(EncoderDecoder, StagesOfTheEncoderComputeAndSend) {
  const Subject t5("t5-large");
  const base::Outcome out = test::train(t5_job(0), t5, test::h100_cluster(1));
  EXPECT_EQ(out.facts.at("encoder_tokens"), 512);
  const base::Table& stages = out.tables.at("stages");
  std::vector<double> compute, activations;
  for (const auto& row : stages.rows) {
    compute.push_back(std::get<double>(row[2]));
    activations.push_back(std::get<double>(row[8]));
  }
  ASSERT_EQ(compute.size(), 4U);
  // A decoder layer has 16 h^2 of weights where one of the encoder has 12 h^2, and twice the attention.
  EXPECT_GT(compute[1] / compute[2], 0.5);
  EXPECT_LT(compute[1] / compute[2], 0.8);
  EXPECT_GT(activations[0], 0.5 * activations[2]);
  EXPECT_LT(out.facts.at("bubble_fraction"), 3.0);
  EXPECT_FALSE(out.tables.at("roofline").rows.empty());
  // 2 bytes x 1024 wide: the encoder's 512 tokens; behind the first decoder
  // layers 512 more.
  TrainOptions options;
  options.timeline_rows = 10000;
  const auto cluster = test::valid(test::h100_cluster(1));
  const test::FixedRates kernels(600e12, 2.5e12);
  const base::Outcome drawn =
      run_train(t5_job(0), {t5.model, t5.network}, {cluster, kernels, nullptr}, options);
  const base::Table& timeline = drawn.tables.at("timeline");
  const auto column = [&](std::string_view name) {
    const auto at = std::find(timeline.columns.begin(), timeline.columns.end(), name);
    return static_cast<std::size_t>(at - timeline.columns.begin());
  };
  std::vector<double> sizes;
  for (const auto& row : timeline.rows) {
    if (std::get<std::string>(row[column("kind")]) != "send") continue;
    sizes.push_back(std::get<double>(row[column("bytes")]));
  }
  ASSERT_FALSE(sizes.empty());
  EXPECT_EQ(*std::min_element(sizes.begin(), sizes.end()), 512.0 * 1024 * 2);
  EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), 2.0 * 512 * 1024 * 2);
}

TEST(EncoderDecoder, AShorterSourceIsLessWorkCountedAndTimed) {
  const Subject t5("t5-large");
  const auto run = [&](std::int64_t length) {
    return test::train(t5_job(length), t5, test::h100_cluster(1)).facts;
  };
  const auto full = run(512), half = run(256);
  EXPECT_LT(half.at("iteration_time_s"), full.at("iteration_time_s"));
  const auto flops = [](const auto& facts) {
    return facts.at("model_flops_per_gpu_per_s") * facts.at("iteration_time_s");
  };
  EXPECT_LT(flops(half), 0.75 * flops(full));
  EXPECT_EQ(half.at("encoder_tokens"), 256);
}

TEST(EncoderDecoder, EncoderLengthIsRefusedWhereThereIsNoEncoder) {
  const Subject gpt("gpt3-1.3b");
  TrainJob job = t5_job(512);
  const base::Outcome out = test::train(job, gpt, test::h100_cluster(1));
  EXPECT_EQ(out.status, base::Status::infeasible);
  EXPECT_NE(out.reason.find("encoder_length 512"), std::string::npos) << out.reason;
}

// What a case shows of where its time went.
void expect_whole(const base::Outcome& out, const std::string& of) {
  const double time = out.facts.at("iteration_time_s");
  double sum = 0.0;
  for (const auto& row : out.tables.at("waterfall").rows) {
    const double part = std::get<double>(row[1]);
    EXPECT_GE(part, 0.0) << std::get<std::string>(row[0]) << " of " << of;
    sum += part;
  }
  EXPECT_NEAR(sum / time, 1.0, 1e-9) << of;
}

TEST(Waterfall, HasNoNegativePartsAndAddsUp) {
  const Subject gpt("gpt3-13b"), t5("t5-3b");
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    for (const std::int64_t context : {1, 2}) {
      for (const bool fast : {false, true}) {
        TrainJob job;
        job.workload.sequence_length = 2048;
        job.workload.global_batch = 64;
        job.strategy.sizes.pipeline = 4;
        job.strategy.sizes.context = context;
        job.strategy.schedule = schedule;
        const auto cluster = test::valid(test::h100_cluster(2));
        const test::FixedRates kernels(fast ? 989.4e12 : 100e12, 1e16);
        for (const Subject* subject : {&gpt, &t5}) {
          expect_whole(
              run_train(job, {subject->model, subject->network}, {cluster, kernels, nullptr}),
              std::string(to_text(schedule)) + " " + subject->model.name);
        }
      }
    }
  }
}

// All layers on the last stage: the first, which is done last, has next to nothing to do.
TEST(Waterfall, IsOfOneStageWhereStagesDiffer) {
  const Subject llama("llama3-8b");
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = 8;
  job.strategy.sizes.pipeline = 8;
  job.strategy.stage_layers = {0, 0, 0, 0, 0, 0, 0, 32};
  expect_whole(test::train(job, llama, test::h100_cluster(1)), "uneven stages");
}

TrainJob drawn_job() {
  TrainJob job;
  job.workload.sequence_length = 4096;
  job.workload.global_batch = 24;
  job.workload.packing = Packing::longest;
  job.workload.lengths = LognormalLength{.median = 300, .sigma = 0.9};
  return job;
}

TEST(DrawnSteps, ShowTheDrawNearestToTheMean) {
  const Subject llama("llama3-8b");
  const auto cluster = test::valid(test::h100_cluster(1));
  const test::FixedRates kernels(600e12, 2.5e12);
  TrainOptions options;
  options.timeline_rows = 100000;
  const base::Outcome out =
      run_train(drawn_job(), {llama.model, llama.network}, {cluster, kernels, nullptr}, options);
  expect_whole(out, "drawn lengths");
  const double time = out.facts.at("iteration_time_s");
  const base::Table& timeline = out.tables.at("timeline");
  const auto column = std::find(timeline.columns.begin(), timeline.columns.end(), "end_s") -
                      timeline.columns.begin();
  double end = 0.0;
  for (const auto& row : timeline.rows) {
    end = std::max(end, std::get<double>(row[static_cast<std::size_t>(column)]));
  }
  // Of 16 draws one lies within half a deviation of their mean.
  EXPECT_NEAR(end, time, 0.5 * out.facts.at("iteration_deviation_s"));
  EXPECT_LE(std::get<double>(out.tables.at("stages").rows[0][2]), end);
  EXPECT_NE(out.labels.at("shown_step").find("nearest to the mean of 16"), std::string::npos);
}

TEST(OneStage, IsTheSameWorkUnderEverySchedule) {
  const Subject llama("llama3-8b");
  TrainJob job;
  job.workload.sequence_length = 4096;
  job.workload.global_batch = 64;
  const auto time = [&](PipelineSchedule schedule) {
    job.strategy.schedule = schedule;
    return test::train(job, llama, test::h100_cluster(2)).facts.at("iteration_time_s");
  };
  const double plain = time(PipelineSchedule::one_f_one_b);
  EXPECT_DOUBLE_EQ(time(PipelineSchedule::zb_h1), plain);
  // Two chunks: their gradients go one after the other.
  EXPECT_NEAR(time(PipelineSchedule::zb_v) / plain, 1.0, 0.02);
}

TEST(DualPipe, IsNotFasterForComputingAgain) {
  const Subject mixtral("mixtral-8x7b");
  TrainJob job;
  job.workload.sequence_length = 32768;
  job.workload.global_batch = 128;
  TrainStrategy& s = job.strategy;
  s.sizes = {.tensor = 4, .context = 2, .data = 1, .pipeline = 8, .expert = 2};
  s.schedule = PipelineSchedule::dualpipe;
  s.zero = ZeroLevel::weights;
  double before = 0.0;
  for (const auto recompute : {models::Recompute::none, models::Recompute::full}) {
    s.recompute = recompute;
    const double time =
        test::train(job, mixtral, test::h100_cluster(64)).facts.at("iteration_time_s");
    EXPECT_GE(time, before);
    before = time;
  }
}

}  // namespace
}  // namespace windtunnel::strategies
