// The measuring itself on a device: its clock, its points, what it says about itself.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "real/cuda/background_load.hpp"
#include "real/cuda/cuda_device.hpp"
#include "real/cuda/prepared_kernels.hpp"
#include "real/cuda/rotating_sets.hpp"
#include "real/kernels/launch_plan.hpp"
#include "real/sweep.hpp"
#include "tests/real/gpu/device_fixture.hpp"

namespace windtunnel::real {
namespace {

using base::Seconds;
using Measuring = OnGpu;

TEST_F(Measuring, ADelayOfAMillisecondTakesOne) {
  const auto session = std::make_shared<Session>();
  session->open(0);
  CudaStopwatch clock(session);
  const auto work = [&](std::int64_t) { queue_delay(Seconds(1e-3), session->stream().get()); };
  const double mean = clock.time(work, 0, 20).value() / 20;
  EXPECT_GT(mean, 0.99e-3);
  EXPECT_LT(mean, 1.1e-3);
}

// An empty kernel takes less on the device than its launch costs the host: the queue was full.
TEST_F(Measuring, SmallKernelsAreTimedFromAFullQueue) {
  const auto session = std::make_shared<Session>();
  session->open(0);
  CudaStopwatch clock(session);
  const auto work = [&](std::int64_t) { queue_empty_kernel(session->stream().get()); };
  clock.time(work, 0, 1000);
  const std::int64_t before = clock.starved();
  clock.time(work, 0, 1000);
  EXPECT_EQ(clock.starved(), before);
}

TEST_F(Measuring, TheDeviceSaysWhatItIs) {
  CudaDevice device({});
  device.open();
  const Fields identity = device.identity();
  for (const char* name : {"gpu", "stack", "device_name", "driver", "cuda", "cublas"}) {
    EXPECT_NE(field(identity, name), "") << name;
  }
  EXPECT_NE(field(identity, "stack").find("cublas"), std::string::npos);
}

// One point of every kind runs, comes out right and gives a row; what is refused says why.
TEST_F(Measuring, APointOfEveryVerbGivesARow) {
  CudaDevice device({});
  device.open();
  Selection selection;
  selection.effort = Effort::quick;
  for (const Verb verb :
       {Verb::gemm, Verb::attention, Verb::memory, Verb::copy, Verb::launch, Verb::interference}) {
    std::vector<Benchmark> benchmarks = device.benchmarks(verb, selection);
    ASSERT_EQ(benchmarks.size(), 1u);
    benchmarks[0].points.resize(std::min<std::size_t>(3, benchmarks[0].points.size()));
    std::vector<Fields> rows;
    SweepOptions options;
    options.write = [&](const Fields& row) { rows.push_back(row); };
    const SweepResult result = run_sweep(device, benchmarks, options);
    for (const PointTrouble& wrong : result.wrong) {
      ADD_FAILURE() << describe(wrong.point) << ": " << wrong.reason;
    }
    for (const PointTrouble& refused : result.refused) {
      ADD_FAILURE() << describe(refused.point) << ": " << refused.reason;
    }
    EXPECT_EQ(rows.size(), benchmarks[0].points.size()) << to_text(verb);
    for (const Fields& row : rows) EXPECT_GT(std::stod(field(row, "time_s")), 0.0);
  }
}

TEST_F(Measuring, EveryFormatOfTheSweepMultipliesRightOrIsRefused) {
  Session session;
  session.open(0);
  for (const auto format :
       {models::NumberFormat::fp32, models::NumberFormat::tf32, models::NumberFormat::fp16,
        models::NumberFormat::bf16, models::NumberFormat::fp8, models::NumberFormat::int8}) {
    for (const GemmLayout layout :
         {GemmLayout::forward, GemmLayout::input_gradient, GemmLayout::weight_gradient}) {
      GpuGemm gemm{{.m = 256, .n = 512, .k = 1024, .format = format}, layout};
      try {
        EXPECT_EQ(prepare_gemm(gemm, session).check(), "") << to_text(format);
      } catch (const PointRefused& refusal) {
        EXPECT_NE(std::string(refusal.what()), "");
      }
    }
  }
}

// Operands that stayed in the L2 would move faster than the memory of any GPU can.
TEST_F(Measuring, RotatedOperandsComeFromMemory) {
  const auto session = std::make_shared<Session>();
  session->open(0);
  const GpuMemory kernel{.op = models::MemoryOp::copy, .rows = 1024, .columns = 4096};
  const Prepared prepared = prepare_memory(kernel, *session);
  CudaStopwatch clock(session);
  clock.time(prepared.run, 0, 100);
  const Seconds time = clock.time(prepared.run, 100, 1000) / 1000.0;
  constexpr double kMostOfAnyGpu = 8.2e12;
  EXPECT_LT(traffic(kernel) / time, base::BytesPerSecond(kMostOfAnyGpu));
}

TEST(MeasuringArithmetic, SetsRotateBeyondTwiceTheL2) {
  for (const std::int64_t bytes : {1, 256, 1000, 1 << 20, 1 << 30}) {
    EXPECT_GE(sets_to_rotate(bytes, 50 << 20) * round_up(bytes, 256), 100 << 20);
  }
  EXPECT_EQ(sets_to_rotate(1LL << 30, 50 << 20), 2);
}

TEST(MeasuringArithmetic, TheQueueIsHeldBackWhereLaunchingIsSlowerThanRunning) {
  EXPECT_EQ(delay_for(100, Seconds(4e-6), Seconds(20e-6)), Seconds(0));
  EXPECT_GE(delay_for(100, Seconds(4e-6), Seconds(1e-6)), Seconds(400e-6));
  EXPECT_LE(delay_for(100000, Seconds(4e-6), Seconds(1e-6)), Seconds(5e-3));
}

TEST(MeasuringArithmetic, TheBackgroundLoadOutlastsTheWork) {
  for (const double work : {1e-5, 1e-3, 0.1}) {
    const Seconds piece(6e-4);
    EXPECT_GE(static_cast<double>(pieces_for(Seconds(work), piece) - 1) * piece, Seconds(work));
  }
}

TEST(MeasuringArithmetic, ThrottleReasonsAreWords) {
  EXPECT_EQ(throttle_text(0), "");
  EXPECT_EQ(throttle_text(0x1), "") << "idle";
  EXPECT_EQ(throttle_text(0x4), "power");
  EXPECT_EQ(throttle_text(0x60), "thermal");
  EXPECT_EQ(throttle_text(0x4 | 0x20 | 0x8), "power+thermal+hardware");
}

TEST(MeasuringArithmetic, AMissingDriverIsNoErrorOfTheClockWatch) {
  const Nvml nvml("ffff:ff:ff.f");
  EXPECT_EQ(nvml.clocks().clock_mhz, 0.0);
}

TEST(MeasuringArithmetic, WithoutADeviceOpeningSaysSo) {
  if (device_count() > 0) GTEST_SKIP() << "there is a CUDA device";
  CudaDevice device({});
  EXPECT_FALSE(device.benchmarks(Verb::gemm, {}).empty()) << "listing needs no device";
  try {
    device.open();
    FAIL() << "opened nothing";
  } catch (const base::EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("no CUDA device"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace windtunnel::real
