// A query in words and figures, for tables: kind, precision, shape, work.
#pragma once

#include "calibration/kernels/kernel_validate.hpp"

namespace windtunnel::calibration {

// Fill kind, precision, shape, flops and bytes.
void describe(const models::GemmQuery& query, ScoredKernel& out);
void describe(const models::AttentionQuery& query, ScoredKernel& out);
void describe(const models::MoeQuery& query, ScoredKernel& out);
void describe(const models::MemoryQuery& query, ScoredKernel& out);
void describe(const models::LaunchQuery& query, ScoredKernel& out);
void describe(const models::CopyQuery& query, ScoredKernel& out);
void describe(const models::FusedAllReduceQuery& query, ScoredKernel& out);

}  // namespace windtunnel::calibration
