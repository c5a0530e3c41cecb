// NCCL on the GPUs that are here: one rank on one GPU, all ranks where there are several.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "real/cuda/device.hpp"
#include "real/nccl/device/collective_run.hpp"
#include "real/nccl/device/pattern_kernels.hpp"
#include "real/steps/device/step_runner.hpp"
#include "sim/base/contract.hpp"
#include "tests/real/step_case.hpp"

namespace windtunnel::real {
namespace {

class NcclOnGpus : public testing::Test {
 protected:
  void SetUp() override {
    if (device_count() == 0) GTEST_SKIP() << "skipped: no CUDA device";
    if (nccl_version().empty()) GTEST_SKIP() << "skipped: no NCCL library";
    use_device(0);
    devices.resize(static_cast<std::size_t>(device_count()));
    std::iota(devices.begin(), devices.end(), 0);
  }
  std::vector<int> devices;
  NoPeers peers;
};

TEST_F(NcclOnGpus, EveryOpDeliversThePattern) {
  const auto clique =
      std::make_shared<const NcclClique>(NcclApi::load(), devices, peers, NcclSetting{});
  for (const collectives::Op op : collectives::kOps)
    for (const Placement placement : {Placement::out_of_place, Placement::in_place})
      for (const Element type : {Element::fp32, Element::fp16, Element::bf16})
        for (const std::int64_t bytes : {64, 1000, 1 << 20, (16 << 20) + 80}) {
          if (!allows(op, placement)) continue;
          const CollectiveCall call = call_of({op, placement, clique->ranks(), 0, type}, bytes);
          if (call.unit == 0) continue;
          CollectiveRun run(clique, call, Reduction::sum);
          EXPECT_EQ(run.check_data(), "") << to_text(op) << " " << bytes << " B";
        }
}

TEST_F(NcclOnGpus, AWrongResultIsSeen) {
  const auto clique =
      std::make_shared<const NcclClique>(NcclApi::load(), devices, peers, NcclSetting{});
  const Stream stream;
  const DeviceBuffer data(4000), found(sizeof(Mismatches));
  fill_pattern({.out = data.data(), .count = 1000, .rank = 0, .mask = 255}, stream.get());
  PatternCheck checked;
  checked.data = data.data();
  checked.count = 1000;
  checked.expectation = {.op = collectives::Op::broadcast, .unit = 1000, .mask = 255};
  checked.found = found.as<Mismatches>();
  for (const std::int64_t broken : {-1, 517}) {
    if (broken >= 0) {
      const float wrong = -1.0F;
      copy_to_device(data.as<float>() + broken, &wrong, sizeof(wrong));
    }
    const Mismatches none;
    copy_to_device(found.data(), &none, sizeof(none));
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    check_pattern(checked, stream.get());
    stream.wait();
    Mismatches result;
    copy_to_host(&result, found.data(), sizeof(result));
    EXPECT_EQ(result.count, broken < 0 ? 0U : 1U);
    if (broken >= 0) {
      EXPECT_EQ(result.first, 517U);
    }
  }
}

TEST_F(NcclOnGpus, OneRankRunsNcclsOwnReductionKernelOnRequest) {
  const auto clique =
      std::make_shared<const NcclClique>(NcclApi::load(), std::vector{0}, peers, NcclSetting{});
  const CollectiveCall call =
      call_of({collectives::Op::all_reduce, Placement::out_of_place, 1, 0}, 1 << 22);
  CollectiveRun run(clique, call, Reduction::scaled_sum);
  EXPECT_EQ(run.check_data(), "");
  const base::Seconds time = run.stopwatch().time([&](std::int64_t) { run.issue(); }, 0, 20);
  EXPECT_GT(time.value(), 0.0);
}

TEST_F(NcclOnGpus, TwoRanksOnOneGpuAreRefusedInWords) {
  EXPECT_THROW(NcclClique(NcclApi::load(), {0, 0}, peers, {}), base::EnvironmentError);
}

TEST_F(NcclOnGpus, NcclEstimatesACallOfSeveralRanks) {
  if (devices.size() < 2) GTEST_SKIP() << "skipped: one GPU only";
  const auto clique =
      std::make_shared<const NcclClique>(NcclApi::load(), devices, peers, NcclSetting{});
  CollectiveRun run(
      clique,
      call_of({collectives::Op::all_reduce, Placement::in_place, clique->ranks(), 0}, 64 << 20),
      Reduction::sum);
  const auto estimate = run.estimate();
  ASSERT_TRUE(estimate.has_value());
  run.issue();
  run.wait();
  const base::Seconds time = run.stopwatch().time([&](std::int64_t) { run.issue(); }, 0, 10) / 10.0;
  // NCCL's model is right within a factor of three where public tables can tell.
  EXPECT_LT(*estimate / time, 5.0);
  EXPECT_GT(*estimate / time, 0.2);
}

TEST_F(NcclOnGpus, ReplicasOfADataParallelStepStayTheSame) {
  if (devices.size() < 2) GTEST_SKIP() << "skipped: one GPU only";
  StepShape shape = gpt_like_step();
  shape.hidden = 128;
  shape.heads = shape.kv_heads = 2;
  shape.head_dim = 64;
  shape.ffn = 512;
  shape.sequence = 64;
  for (const GradientExchange exchange :
       {GradientExchange::after_backward, GradientExchange::overlapped}) {
    const NcclClique clique(NcclApi::load(), devices, peers, {});
    StepRunner runner({shape, exchange, 100000}, clique);
    for (int i = 0; i < 5; ++i) runner.run();
    runner.wait();
    const auto size = runner.replica(0).layout().size();
    const std::vector<float> first = runner.replica(0).master_weights(size);
    for (std::size_t i = 1; i < runner.replicas(); ++i)
      EXPECT_EQ(runner.replica(i).master_weights(size), first);
  }
}

}  // namespace
}  // namespace windtunnel::real
