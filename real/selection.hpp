// What of all that could be measured is wanted: the verb, and the shapes of the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "models/kernels/number_format.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::real {

enum class Verb { gemm, attention, memory, copy, launch, interference, collective, step };
std::string_view to_text(Verb verb);
const std::vector<Verb>& all_verbs();

// quick: a sweep of all verbs in under 3 minutes on a CPU; full: in under 20 on a GPU.
enum class Effort { quick, full };

// The sizes of a decoder-only transformer that its kernels' shapes follow from.
struct TransformerShape {
  std::string name;
  std::int64_t layers = 0, hidden = 0, ffn = 0, heads = 0, kv_heads = 0, head_dim = 0, vocab = 0;
  enum class Mlp { plain, gated } mlp = Mlp::gated;
};

// Of `--collective` options: lists that are empty mean the benchmark's own choice.
struct CollectiveWish {
  std::vector<std::string> ops;         // all_reduce, all_gather, ...
  std::vector<std::string> algorithms;  // ring, tree, nvls, ...; NCCL_ALGO
  std::vector<std::string> protocols;   // ll, ll128, simple; NCCL_PROTO
  base::Bytes from{0}, to{0};           // both 0: the benchmark's own sizes
  double factor = 2.0;
  std::string fabric,
      interconnect;  // columns of the rows: the cluster's name, its network in words
};

struct Selection {
  Effort effort = Effort::full;
  // Asked for by --shapes, --model or --grid; both empty: the benchmark's own grid.
  std::vector<models::GemmQuery> gemms;
  std::vector<models::AttentionQuery> attentions;
  std::vector<models::NumberFormat> formats;  // --precision; empty: what the device has
  std::optional<TransformerShape> model;      // --model
  CollectiveWish collective;
  int threads = 0;  // CPU; 0: one and all
  bool default_shapes() const { return gemms.empty() && attentions.empty(); }
};

}  // namespace windtunnel::real
