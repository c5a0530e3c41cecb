// Attention points: the fused kernel and the unfused chain, operands past the L2, a few rows checked.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <vector>

#include "real/cuda/attention.hpp"
#include "real/cuda/kernels.hpp"
#include "real/cuda/prepared_kernels.hpp"
#include "real/cuda/rotating_sets.hpp"
#include "real/cuda/set_layout.hpp"
#include "real/kernels/host_values.hpp"
#include "real/kernels/launch_plan.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using models::AttentionKernel;
using models::AttentionPhase;
using models::AttentionQuery;
using models::NumberFormat;

struct Attention {
  AttentionShape shape;
  Strides q_strides, kv_strides;
  std::int64_t q = 0, k = 0, v = 0, o = 0, lse = 0, d_o = 0, dq = 0, dk = 0, dv = 0;  // in a set
  std::unique_ptr<RotatingSets> sets;
  DeviceBuffer workspace;                   // backward
  DeviceBuffer scores;                      // unfused
  std::unique_ptr<GemmPlan> first, second;  // unfused: scores, output

  void* at(std::int64_t call, std::int64_t offset) const {
    return static_cast<char*>(sets->at(call)) + offset;
  }
  AttentionForward forward(std::int64_t call) const {
    return {.shape = shape,
            .q = at(call, q),
            .k = at(call, k),
            .v = at(call, v),
            .o = at(call, o),
            .lse = static_cast<float*>(at(call, lse)),
            .q_strides = q_strides,
            .k_strides = kv_strides,
            .v_strides = kv_strides,
            .o_strides = q_strides};
  }
  AttentionBackward backward(std::int64_t call) const {
    return {.shape = shape,
            .q = at(call, q),
            .k = at(call, k),
            .v = at(call, v),
            .o = at(call, o),
            .d_o = at(call, d_o),
            .lse = static_cast<const float*>(at(call, lse)),
            .dq = at(call, dq),
            .dk = at(call, dk),
            .dv = at(call, dv),
            .workspace = workspace.data(),
            .q_strides = q_strides,
            .k_strides = kv_strides,
            .v_strides = kv_strides,
            .o_strides = q_strides};
  }
  // Score matrices of all heads, softmax in place, values. Tensors are [batch][head][token][dim]: the
  // query heads of a group follow each other, so a group is one product of group * q_len rows.
  void run_unfused(std::int64_t call, cudaStream_t stream) const {
    first->run({.a = at(call, q), .b = at(call, k), .c = scores.data()}, stream);
    const bool causal = shape.mask == models::AttentionMask::causal;
    softmax({.x = scores.data(),
             .y = scores.data(),
             .rows = shape.batch * shape.heads * shape.q_len,
             .columns = shape.kv_len,
             .causal_rows = causal ? shape.q_len : 0,
             .scale = 1.0F / std::sqrt(static_cast<float>(shape.head_dim)),
             .type = shape.type},
            stream);
    second->run({.a = scores.data(), .b = at(call, v), .c = at(call, o)}, stream);
  }
};

AttentionShape shape_of(const AttentionQuery& query) {
  return {.batch = query.batch,
          .heads = query.heads,
          .kv_heads = query.kv_heads,
          .head_dim = query.head_dim,
          .q_len = query.q_len,
          .kv_len = query.kv_len,
          .mask = query.mask,
          .type = query.format == NumberFormat::fp16 ? Element::fp16 : Element::bf16};
}

void refuse_what_is_not_there(const AttentionQuery& query) {
  if (query.format != NumberFormat::fp16 && query.format != NumberFormat::bf16) {
    throw PointRefused(
        fmt::format("attention is for fp16 and bf16, not {}", to_text(query.format)));
  }
  if (query.kv_format != query.format) throw PointRefused("keys and values are of q's format");
  if (query.phase == AttentionPhase::decode) {
    throw PointRefused("there is no kernel for decoding here (one query, keys split over blocks)");
  }
  if (query.window > 0) throw PointRefused("the kernels here have no sliding window");
  if (query.value_dim > 0 && query.value_dim != query.head_dim) {
    throw PointRefused("the kernels here have values of head_dim");
  }
  const std::string refusal = attention_refusal(shape_of(query));
  if (!refusal.empty()) throw PointRefused(refusal);
  if (query.kernel == AttentionKernel::fused) return;
  if (query.phase == AttentionPhase::backward) {
    throw PointRefused("the unfused chain is measured forward only");
  }
  if (query.kv_len > kMostColumns) {
    throw PointRefused(fmt::format("softmax takes rows up to {}", kMostColumns));
  }
}

// Head-major for the unfused chain, token-major for the fused kernel.
Strides strides_of(const AttentionQuery& query, std::int64_t tokens, std::int64_t heads) {
  if (query.kernel == AttentionKernel::fused) return packed_strides(tokens, heads, query.head_dim);
  return {tokens * heads * query.head_dim, query.head_dim, tokens * query.head_dim};
}

std::shared_ptr<Attention> lay_out(const AttentionQuery& query, const Session& session) {
  auto out = std::make_shared<Attention>();
  const AttentionShape& shape = out->shape = shape_of(query);
  out->q_strides = strides_of(query, shape.q_len, shape.heads);
  out->kv_strides = strides_of(query, shape.kv_len, shape.kv_heads);
  const std::int64_t q_bytes = 2 * shape.batch * out->q_strides.batch;
  const std::int64_t kv_bytes = 2 * shape.batch * out->kv_strides.batch;
  SetLayout set;
  out->q = set.take(q_bytes);
  out->k = set.take(kv_bytes);
  out->v = set.take(kv_bytes);
  out->o = set.take(q_bytes);
  out->lse = set.take(4 * shape.batch * shape.heads * shape.q_len);
  if (query.phase == AttentionPhase::backward) {
    out->d_o = set.take(q_bytes);
    out->dq = set.take(q_bytes);
    out->dk = set.take(kv_bytes);
    out->dv = set.take(kv_bytes);
    const std::int64_t workspace = attention_backward_workspace_bytes(shape);
    require_device_memory(workspace);
    out->workspace = DeviceBuffer(workspace);
  }
  out->sets = std::make_unique<RotatingSets>(
      set.bytes(), sets_to_rotate(set.bytes(), session.facts().l2_bytes),
      RandomContent{.element = shape.type}, session.stream());
  return out;
}

void plan_unfused(Attention& attention, NumberFormat format, const Session& session) {
  const AttentionShape& shape = attention.shape;
  const std::int64_t rows = shape.heads / shape.kv_heads * shape.q_len;
  const std::int64_t batch = shape.batch * shape.kv_heads;
  const std::int64_t bytes = 2 * batch * rows * shape.kv_len;
  require_device_memory(bytes);
  attention.scores = DeviceBuffer(bytes);
  attention.first = std::make_unique<GemmPlan>(
      session.cublas(),
      GemmProblem{
          .m = rows, .n = shape.kv_len, .k = shape.head_dim, .batch = batch, .format = format});
  attention.second = std::make_unique<GemmPlan>(session.cublas(),
                                                GemmProblem{.m = rows,
                                                            .n = shape.head_dim,
                                                            .k = shape.kv_len,
                                                            .batch = batch,
                                                            .format = format,
                                                            .layout = GemmLayout::input_gradient});
}

// `rows` rows of head_dim elements, `stride` elements apart, read back.
std::vector<double> read_rows(const void* device, std::int64_t stride, std::int64_t rows,
                              const AttentionShape& shape) {
  const auto width = static_cast<std::size_t>(2 * shape.head_dim);
  std::vector<unsigned char> raw(width * static_cast<std::size_t>(rows));
  check(cudaMemcpy2D(raw.data(), width, device, static_cast<std::size_t>(2 * stride), width,
                     static_cast<std::size_t>(rows), cudaMemcpyDeviceToHost),
        "cudaMemcpy2D of an attention operand");
  return host_values(raw, shape.type == Element::fp16 ? StoredFormat::fp16 : StoredFormat::bf16);
}

// Attention of one query, in double, from its keys and values [seen][head_dim].
std::vector<double> attend(const std::vector<double>& q, const std::vector<double>& k,
                           const std::vector<double>& v) {
  const std::size_t dims = q.size(), seen = k.size() / dims;
  std::vector<double> p(seen), o(dims);
  double greatest = -INFINITY, total = 0.0;
  for (std::size_t key = 0; key < seen; ++key) {
    for (std::size_t d = 0; d < dims; ++d) p[key] += q[d] * k[key * dims + d];
    p[key] /= std::sqrt(static_cast<double>(dims));
    greatest = std::fmax(greatest, p[key]);
  }
  for (double& value : p) total += value = std::exp(value - greatest);
  for (std::size_t key = 0; key < seen; ++key) {
    for (std::size_t d = 0; d < dims; ++d) o[d] += p[key] / total * v[key * dims + d];
  }
  return o;
}

// The last head of the last batch at one query; set 0.
std::string check_row(const Attention& attention, std::int64_t query) {
  const AttentionShape& shape = attention.shape;
  const std::int64_t head = shape.heads - 1, kv_head = shape.kv_heads - 1;
  const bool causal = shape.mask == models::AttentionMask::causal;
  const std::int64_t seen = causal ? query + shape.kv_len - shape.q_len + 1 : shape.kv_len;
  const Strides &qs = attention.q_strides, &ks = attention.kv_strides;
  const std::int64_t row = (shape.batch - 1) * qs.batch + head * qs.head + query * qs.token;
  const std::int64_t kv = (shape.batch - 1) * ks.batch + kv_head * ks.head;
  const auto tensor = [&](std::int64_t offset, std::int64_t element) {
    return attention.at(0, offset + 2 * element);
  };
  const auto expected = attend(read_rows(tensor(attention.q, row), qs.token, 1, shape),
                               read_rows(tensor(attention.k, kv), ks.token, seen, shape),
                               read_rows(tensor(attention.v, kv), ks.token, seen, shape));
  const auto got = read_rows(tensor(attention.o, row), qs.token, 1, shape);
  // p is rounded to 8 bits before it multiplies v, o once more; operands are below 1.
  constexpr double kTolerance = 0x1p-6;
  for (std::size_t d = 0; d < got.size(); ++d) {
    if (std::fabs(got[d] - expected[d]) <= kTolerance) continue;
    return fmt::format("o of query {} at dim {} is {}, expected {}", query, d, got[d], expected[d]);
  }
  return "";
}

std::string check_finite(const Attention& attention) {
  for (const std::int64_t offset : {attention.dq, attention.dk, attention.dv}) {
    for (const double value :
         read_rows(attention.at(0, offset), attention.shape.head_dim, 1, attention.shape)) {
      if (!std::isfinite(value)) return fmt::format("a gradient is {}", value);
    }
  }
  return "";
}

}  // namespace

Prepared prepare_attention(const AttentionQuery& query, const Session& session) try {
  refuse_what_is_not_there(query);
  const auto attention = lay_out(query, session);
  const Stream& stream = session.stream();
  Prepared out;
  if (query.kernel == AttentionKernel::unfused) {
    plan_unfused(*attention, query.format, session);
    out.run = [attention, &stream](std::int64_t call) {
      attention->run_unfused(call, stream.get());
    };
  } else if (query.phase == AttentionPhase::backward) {
    // Its inputs o and lse are those of the forward pass on each set.
    for (std::int64_t set = 0; set < attention->sets->sets(); ++set) {
      attention_forward(attention->forward(set), stream.get());
    }
    stream.wait();
    out.run = [attention, &stream](std::int64_t call) {
      attention_backward(attention->backward(call), stream.get());
    };
  } else {
    out.run = [attention, &stream](std::int64_t call) {
      attention_forward(attention->forward(call), stream.get());
    };
  }
  const bool backward = query.phase == AttentionPhase::backward;
  out.check = [attention, run = out.run, &stream, backward] {
    run(0);
    stream.wait();
    std::string wrong = check_row(*attention, attention->shape.q_len / 2);
    if (wrong.empty()) wrong = check_row(*attention, attention->shape.q_len - 1);
    if (wrong.empty() && backward) wrong = check_finite(*attention);
    return wrong;
  };
  return out;
} catch (const NoAlgorithm& refusal) {
  throw PointRefused(refusal.what());
}

}  // namespace windtunnel::real
