// Measured serving tables: read, and turned into scenarios.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "models/gpu_library.hpp"
#include "scenarios/serving/serve_defaults.hpp"
#include "scenarios/serving/serve_scenario.hpp"

namespace windtunnel::scenarios {
namespace {

ServeReading read(const std::string& text) {
  return read_serve(calibration::read_measurements(text, "table.csv").other);
}

constexpr const char* kPoints =
    "framework,framework_version,model,gpu_system,precision,serving_mode,isl,osl,concurrency,"
    "ttft_ms,tpot_ms,gemm_quant_mode,tp_size,moe_tp_size,moe_ep_size\n";

ServeReading points(const char* rows) {
  return read(fmt::format("{}{}", kPoints, rows));
}

TEST(ServeRows, APointHasItsLatenciesInSeconds) {
  const ServeReading got =
      points("vllm,0.19.0,Llama-3.1-70B,h100_sxm,fp8,agg,1024,512,32,250,20,fp8,4,1,1\n");
  ASSERT_EQ(got.rows.size(), 1u);
  const ServeRow& row = got.rows[0];
  EXPECT_EQ(row.run, ServeRun::closed_loop);
  ASSERT_EQ(row.measured.size(), 2u);
  EXPECT_EQ(row.measured[0].fact, "tpot_mean_s");
  EXPECT_DOUBLE_EQ(row.measured[0].value, 0.020);
  EXPECT_DOUBLE_EQ(row.measured[1].value, 0.250);
}

TEST(ServeRows, APointBecomesAClosedLoopOfItsHarness) {
  const ServeReading got =
      points("vllm,0.19.0,Llama-3.1-70B,h100_sxm,fp8,agg,1024,1024,32,250,20,fp8,4,1,1\n");
  const ServeTurning turned = scenario_of(got.rows.at(0));
  ASSERT_TRUE(turned.scenario) << turned.reason;
  const strategies::ServeJob& job = turned.scenario->job;
  EXPECT_EQ(job.strategy.tensor, 4);
  EXPECT_EQ(job.strategy.precision, models::NumberFormat::fp8);
  EXPECT_EQ(job.strategy.batching.max_batch, 32);
  EXPECT_EQ(job.workload.arrivals.concurrency, 32);
  EXPECT_EQ(job.workload.arrivals.requests, 320);
  const auto& lengths = std::get<strategies::UniformLength>(job.workload.input);
  EXPECT_EQ(lengths.min, 819);
  EXPECT_EQ(lengths.max, 1024);
  EXPECT_EQ(turned.scenario->cluster->node.gpus, 4);
}

// InferenceX starts SGLang on Blackwell so that it looks for requests seldom, and no other engine.
TEST(ServeRows, AHarnessTellsEachEngineItsOwn) {
  const auto batching = [](const std::string& engine, const std::string& gpu, int clients) {
    const ServeReading got = points((engine + ",0.5.9,DeepSeek-R1," + gpu + ",fp8,agg,1024,1024," +
                                     std::to_string(clients) + ",200,9,fp8,8,8,1\n")
                                        .c_str());
    const ServeTurning turned = scenario_of(got.rows.at(0));
    EXPECT_TRUE(turned.scenario) << turned.reason;
    return turned.scenario->job.strategy.batching;
  };
  using strategies::ContinuousOrder;
  EXPECT_EQ(batching("sglang", "b200_sxm", 8).poll_steps, 10);
  EXPECT_EQ(batching("sglang", "b200_sxm", 16).poll_steps, 30);
  EXPECT_EQ(batching("sglang", "h200_sxm", 16).poll_steps, 1);
  EXPECT_EQ(batching("vllm", "b200_sxm", 16).poll_steps, 1);
  EXPECT_EQ(batching("sglang", "h200_sxm", 16).order, ContinuousOrder::prefill_first);
  EXPECT_EQ(batching("trtllm", "b200_sxm", 16).order, ContinuousOrder::no_evict);
  EXPECT_EQ(batching("vllm", "b200_sxm", 16).order, ContinuousOrder::unified);
}

TEST(ServeRows, ATableThatMultipliesTensorAndExpertRanksIsSeenThrough) {
  const ServeReading got =
      points("sglang,0.5.9,DeepSeek-R1,b200_sxm,fp4,agg,1024,1024,8,200,9,nvfp4,64,8,8\n");
  const ServeTurning turned = scenario_of(got.rows.at(0));
  ASSERT_TRUE(turned.scenario) << turned.reason;
  EXPECT_EQ(turned.scenario->job.strategy.tensor, 8);
  EXPECT_EQ(turned.scenario->job.strategy.expert, 8);
  EXPECT_EQ(turned.scenario->cluster->node.gpus, 8);
}

TEST(ServeRows, UnusableNumbersAndBlanksAreSkippedWithAReason) {
  const ServeReading got = points(
      "vllm,0.19.0,Llama-3.1-70B,h100_sxm,fp8,agg,1024,512,,250,20,fp8,4,1,1\n"
      "vllm,0.19.0,Llama-3.1-70B,h100_sxm,fp8,agg,1024,nan,8,250,20,fp8,4,1,1\n"
      "vllm,0.19.0,Llama-3.1-70B,h100_sxm,fp8,agg,1024,512,8,,,fp8,4,1,1\n");
  EXPECT_TRUE(got.rows.empty());
  ASSERT_EQ(got.skipped.size(), 3u);
  EXPECT_EQ(got.skipped[0].reason, "concurrency is blank or 0");
  EXPECT_NE(got.skipped[1].reason.find("osl is 'nan'"), std::string::npos);
  EXPECT_EQ(got.skipped[2].reason, "no measured figure that is predicted here");
}

TEST(ServeRows, RequestsOfOneRunAreOneRow) {
  const ServeReading got = read(
      "hardware,model,vllm,tp,dp,ep,max_num_seqs,max_num_batched_tokens,dtype,request_id,input_"
      "toks,"
      "output_toks,arrival_s,queue_s,ttft_from_queued_s,e2e_from_queued_s,tpot_s\n"
      "RTX4090,Llama-3.1-8B,0.19.0,1,1,False,256,2048,bfloat16,a,10,5,1.5,0,0.2,1.0,0.2\n"
      "RTX4090,Llama-3.1-8B,0.19.0,1,1,False,256,2048,bfloat16,b,20,3,0.5,0,0.4,1.0,0.3\n");
  ASSERT_EQ(got.rows.size(), 1u);
  const ServeRow& row = got.rows[0];
  EXPECT_EQ(row.run, ServeRun::replay);
  ASSERT_EQ(row.requests.size(), 2u);
  EXPECT_EQ(row.requests[0].input_tokens, 20);  // in order of arrival
  ASSERT_EQ(row.measured.size(), 3u);
  EXPECT_DOUBLE_EQ(row.measured[0].value, 0.25);
  EXPECT_DOUBLE_EQ(row.measured[1].value, 0.3);
}

TEST(ServeRows, GpusAreKnownByWhatTablesCallThem) {
  EXPECT_EQ(gpu_name_of("NVIDIA H200-SXM-141GB"), "h200-sxm");
  EXPECT_EQ(gpu_name_of("A100 SXM 80GB"), "a100-sxm-80gb");
  EXPECT_EQ(gpu_name_of("b200_sxm"), "b200-sxm");
  EXPECT_EQ(gpu_name_of("NVIDIA GH200 Grace Hopper Superchip 144GB"), "gh200-144gb");
  EXPECT_EQ(gpu_name_of("NVIDIA L40S"), "l40s");
  EXPECT_EQ(gpu_name_of("NVIDIA L4"), "l4");
  EXPECT_EQ(gpu_name_of("RTXPRO6000"), "rtx-pro-6000");
  EXPECT_EQ(gpu_name_of("AMD Instinct MI300X"), "");
  EXPECT_EQ(gpu_name_of("TPU v6"), "");
  for (const char* text : {"H100 SXM", "L4", "GH200 144GB", "B300"})
    EXPECT_TRUE(models::gpu_named(gpu_name_of(text))) << text;
}

TEST(ServeRows, EveryTableOfMeasurementsIsReadAndTurned) {
  const std::filesystem::path folder = WINDTUNNEL_SOURCE_DIR "/../shared/measurements/serving";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no measurements beside the project";
  const struct {
    const char* file;
    std::size_t least;
  } kFiles[] = {{"trtllm_throughput.csv", 480}, {"serving_points.csv", 1450},
                {"vllm_requests.csv", 2},       {"mlperf_vision_and_other.csv", 130},
                {"mlperf_llm.csv", 20},         {"prompt_and_token_times.csv", 500}};
  for (const auto& [file, least] : kFiles) {
    const ServeReading got = read_serve(calibration::read_measurement_file(folder / file).other);
    std::size_t turned = 0;
    std::map<std::string, int> reasons;
    for (const ServeRow& row : got.rows) {
      const ServeTurning one = scenario_of(row);
      turned += one.scenario ? 1u : 0u;
      if (!one.scenario) ++reasons[one.reason];
    }
    std::string why;
    for (const auto& [reason, count] : reasons) why += fmt::format("{} x {}\n", count, reason);
    EXPECT_GE(turned, least) << file << " of " << got.rows.size() << "\n" << why;
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
