// MLPerf Inference's LLMs: what loadgen asks of them, the lengths of their data sets' samples, and how
// submitters run them: TensorRT-LLM beside TensorRT 10 (a text that names vLLM is vLLM), FP8, on as few
// GPUs as hold the weights in three quarters of their memory, as many such engines as there are GPUs.
//
// Lengths: means of v4.1's data sets, answers lognormal. Their spread is that of latencies in public
// Server results, whose tokens come at one pace: p90 / p50 and p99 / p50 are 2.1 and 3.8 (OpenOrca),
// 2.5 and 5.2 (mixtral's mix), 1.6 and 2.1 (CNN/DailyMail).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/serving/serve_row.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {

bool is_loadgen_llm(std::string_view model);

// Limits, precision, engine, layout and batch of a row; nothing for a model that is no LLM of
// MLPerf's. `parameters` of the model. What is filled in is said in `inferred`.
void plan_loadgen_llm(const ServeRow& row, double parameters, strategies::ServeJob& job,
                      std::vector<std::string>& inferred);

// Prompts and answers of the model's data set, where a table states no lengths.
void set_loadgen_lengths(const std::string& model, strategies::ServeWorkload& workload,
                         std::vector<std::string>& inferred);

}  // namespace windtunnel::scenarios
