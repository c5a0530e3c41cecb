// What is kept of a kernel fit: for one (GPU, software stack) a list of components, each one kernel
// family in one number format, as parameters of a physical form and, where it needs one, a grid of
// residuals on top. Forms, not rows: knots of a fitted surface.
//
// prediction = form(query; parameters) * exp(grid(coordinates of the query)). The grid is
// multilinear between knots on a tensor product of axes; outside the axes it keeps the edge value
// and decays to 0 by the form's own rule. Values are int16 in steps of 1/2048 of a natural
// logarithm, NaN as the least int16 (no knot: the form alone).
// On disk: a YAML head (parameters with standard errors and units, ranges, errors on held-out rows,
// provenance) and one binary file beside it with all grids and a checksum (calibration/README.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "calibration/measurement.hpp"

namespace windtunnel::calibration {

struct FittedParameter {
  std::string name;
  double value = 0.0;
  double standard_error = 0.0;
  std::string unit;
};

struct GridAxis {
  std::string name;           // "log2 m"
  std::vector<double> knots;  // strictly rising, in the axis's own coordinate
};

inline constexpr double kGridStep = 1.0 / 2048;
inline constexpr std::int16_t kNoKnot = INT16_MIN;

struct ResidualGrid {
  std::vector<GridAxis> axes;        // slowest first
  std::vector<std::int16_t> values;  // product of the axes' sizes
};

// Error of predictions on rows that the fit had not seen.
struct HeldOutError {
  std::string split;  // "by (n, k)", "by head count", "random"
  std::int64_t rows = 0;
  double median = 0.0, p90 = 0.0, mean = 0.0, bias = 0.0;
  double inside_band = 0.0, band_width_median = 0.0;
};

struct Component {
  std::string kind;    // gemm attention_context attention_decode attention_backward moe memory ...
  std::string format;  // number format(s): "bf16", "bf16/fp8" (math / KV cache)
  std::string kernel;  // kernel family the rows name; blank: the only one
  std::vector<FittedParameter> parameters;
  std::vector<ResidualGrid> grids;  // meaning by position, as the kind's model says
  std::vector<std::pair<std::string, std::pair<double, double>>> ranges;  // seen: "m" -> [1, 32768]
  std::int64_t rows_used = 0;
  std::vector<HeldOutError> held_out;
};

struct KernelProfile {
  std::string name;   // "h100-sxm-trtllm-1.3.0rc20"
  std::string gpu;    // as in `list gpus`
  std::string stack;  // "trtllm 1.3.0rc20"
  std::string date, tool_version, source;
  std::vector<MeasurementFile> files;
  std::vector<Component> components;

  const Component* find(const std::string& kind, const std::string& format,
                        const std::string& kernel = "") const;
};

}  // namespace windtunnel::calibration
