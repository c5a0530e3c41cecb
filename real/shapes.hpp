// Shapes of kernels as the command line gives them: a file, a grid, or a model's name.
//
// File (--shapes): CSV with a header. m, n, k [batch, groups, precision] are GEMMs; heads, kv_heads,
// head_dim, q_len, kv_len [batch, causal, phase, implementation, precision] attention; with a `kind`
// column both may stand in one file, and other columns (a measurement file's) are passed over.
// Grid (--grid): `m=16..4096,n=4096:11008,k=4096`; `a..b` doubles from a to b, `a..b+c` adds c,
// `a..b*c` multiplies, `:` separates values; all combinations.
// Model: the linear layers of a transformer at several token counts, and its attention.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "real/selection.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::real {

struct Shapes {
  std::vector<models::GemmQuery> gemms;
  std::vector<models::AttentionQuery> attentions;
};

// Rows without a precision are taken in each of `formats`. Errors are diagnostics file:line:col.
Shapes parse_shapes(std::string_view text, const std::string& file,
                    const std::vector<models::NumberFormat>& formats,
                    base::Diagnostics& diagnostics);

// An error has no place but its column within the text.
Shapes parse_grid(const std::string& text, const std::vector<models::NumberFormat>& formats,
                  base::Diagnostics& diagnostics);

std::optional<TransformerShape> transformer_named(const std::string& name);
std::vector<std::string> transformer_names();
Shapes shapes_of(const TransformerShape& model, Effort effort,
                 const std::vector<models::NumberFormat>& formats);

}  // namespace windtunnel::real
