// Native output of nccl-tests, read into measurements.
//
// Text: result lines are read by the header above them (`#  size  count  type  redop  root  time
// algbw busbw #wrong ...`), so old and new columns, -I, -S, -C and the missing out-of-place half
// are all the same to it. Both halves are read; the out-of-place time makes the row (nccl-tests'
// headline), the in-place one where the other is missing. Times are in us. The op comes from
// "Collective test starting: X_perf", from a command line in the log, or from the file's name. "#
// Rank i ... Pid p on HOST device d [...] GPU" lines give ranks, nodes, GPUs a node, GPU, and the
// launch (as many pids as ranks: one process a GPU). "NCCL version" and the test's own header give
// the stack. Lines of a job scheduler, of NCCL INFO, and rank prefixes as srun -l and mpirun
// --tag-output write them, are stepped over. JSON (-J): `results` with out_of_place/in_place
// objects, `ranks`, `collective_name`; a truncated file is read up to its last whole result, with a
// warning. Contract: a damaged line is a warning with its place; a log without any result is an
// error; never throws.
#pragma once

#include <string>
#include <string_view>

#include "calibration/measurement.hpp"

namespace windtunnel::calibration {

bool looks_like_nccl_tests_text(std::string_view text);
bool looks_like_nccl_tests_json(std::string_view text);
Measurements read_nccl_tests_text(std::string_view text, const std::string& file,
                                  const LogHints& hints = {});
Measurements read_nccl_tests_json(std::string_view text, const std::string& file,
                                  const LogHints& hints = {});

// "NVIDIA H100 80GB HBM3" -> "h100-sxm"; a name nobody knows -> the text, lower case, blanks as
// dashes.
std::string gpu_from_product(std::string_view product);
// An op in "all_reduce_perf", "alltoall_perf", "./build/sendrecv_perf -b 8", "run_AllGather.log".
std::optional<collectives::Op> op_from_words(std::string_view words);

}  // namespace windtunnel::calibration
