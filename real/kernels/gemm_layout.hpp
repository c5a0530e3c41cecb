// How the operands of a GEMM lie in memory, named after their use in a linear layer y = x W^T.
//
// C[m][n] = A B. `forward`: A [m][k], B [n][k]; `input_gradient`: A [m][k], B [k][n];
// `weight_gradient`: A [k][m], B [k][n]. All row-major; cuBLAS calls them TN, NN and NT.
#pragma once

#include <string_view>

namespace windtunnel::real {

enum class GemmLayout { forward, input_gradient, weight_gradient };

constexpr std::string_view to_text(GemmLayout layout) {
  return layout == GemmLayout::forward          ? "forward"
         : layout == GemmLayout::input_gradient ? "input_gradient"
                                                : "weight_gradient";
}

}  // namespace windtunnel::real
