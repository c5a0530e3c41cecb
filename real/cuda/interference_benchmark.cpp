// Kernels beside copies and collectives: how much longer they take than alone. Rows are of kind
// `interference`: op says which class of kernel, `background` what ran beside it, time_s the time
// beside it, alone_s the time of the same calls without.
#include <array>
#include <functional>
#include <memory>
#include <string>

#include "real/cuda/background_load.hpp"
#include "real/cuda/cuda_benchmarks.hpp"
#include "real/cuda/cuda_stopwatch.hpp"
#include "real/cuda/prepared_kernels.hpp"

namespace windtunnel::real {
namespace {

using models::Background;

// A kernel to be slowed down.
struct Victim {
  Fields fields;
  std::function<Prepared(const Session&)> prepare;
};

Victim gemm_victim(std::int64_t m, std::int64_t n, std::int64_t k) {
  GpuGemm gemm;
  gemm.query = {.m = m, .n = n, .k = k};
  return {{{"op", "gemm"},
           {"m", std::to_string(m)},
           {"n", std::to_string(n)},
           {"k", std::to_string(k)},
           {"precision", "bf16"}},
          [gemm](const Session& session) { return prepare_gemm(gemm, session); }};
}

Victim attention_victim(models::AttentionPhase phase) {
  const models::AttentionQuery query{.phase = phase,
                                     .batch = 4,
                                     .heads = 32,
                                     .kv_heads = 8,
                                     .head_dim = 128,
                                     .q_len = 2048,
                                     .kv_len = 2048};
  return {{{"op", "attention"},
           {"phase", std::string(to_text(phase))},
           {"batch", "4"},
           {"heads", "32"},
           {"kv_heads", "8"},
           {"head_dim", "128"},
           {"q_len", "2048"},
           {"kv_len", "2048"},
           {"causal", "1"},
           {"precision", "bf16"}},
          [query](const Session& session) { return prepare_attention(query, session); }};
}

Victim memory_victim(models::MemoryOp op, std::int64_t rows) {
  const GpuMemory kernel{.op = op, .rows = rows, .columns = 4096};
  return {{{"op", "memory"},
           {"kernel", std::string(models::to_text(op))},
           {"bytes", number_text(traffic(kernel).value())},
           {"rows", std::to_string(rows)},
           {"precision", "bf16"}},
          [kernel](const Session& session) { return prepare_memory(kernel, session); }};
}

std::vector<Victim> victims(Effort effort) {
  std::vector<Victim> out = {gemm_victim(4096, 4096, 4096),
                             attention_victim(models::AttentionPhase::context),
                             memory_victim(models::MemoryOp::rms_norm, 16384)};
  if (effort == Effort::quick) return out;
  out.push_back(gemm_victim(8192, 8192, 8192));
  out.push_back(gemm_victim(16, 8192, 8192));
  out.push_back(gemm_victim(2048, 4096, 14336));
  out.push_back(attention_victim(models::AttentionPhase::backward));
  out.push_back(memory_victim(models::MemoryOp::copy, 65536));
  out.push_back(memory_victim(models::MemoryOp::add, 2048));
  return out;
}

struct BackgroundKind {
  const char* name;
  std::unique_ptr<BackgroundLoad> (*make)(const Session&);
};
constexpr std::array<BackgroundKind, 3> kBackgrounds = {{{"host_copy", make_host_copies},
                                                         {"peer_copy", make_peer_copies},
                                                         {"collective", make_collectives}}};

// Median of a few timings without the load.
base::Seconds time_alone(const Prepared& prepared, const SharedSession& session) {
  CudaStopwatch clock(session);
  NoPeers peers;
  return sample(clock, prepared.run, SamplingPlan{}, peers, [] { return false; }).summary.median;
}

Prepared prepare_beside(const Victim& victim, const BackgroundKind& background,
                        const SharedSession& session) {
  const std::shared_ptr<BackgroundLoad> load = background.make(*session);
  Prepared prepared = victim.prepare(*session);
  const base::Seconds alone = time_alone(prepared, session);
  const auto clock = std::make_shared<InterferenceStopwatch>(*session, load);
  Prepared out;
  out.run = [run = prepared.run, clock](std::int64_t call) { run(call); };
  out.check = prepared.check;
  out.stopwatch = clock.get();
  out.more_fields = [alone] { return Fields{{"alone_s", time_text(alone)}}; };
  // Long samples: the load's pieces are a millisecond.
  SamplingPlan plan;
  plan.min_sample = base::Seconds(2e-3);
  out.plan = plan;
  return out;
}

}  // namespace

std::vector<Benchmark> cuda_interference_benchmarks(const Selection& selection,
                                                    const SharedSession& session) {
  Benchmark out{"interference", {}};
  for (const BackgroundKind& background : kBackgrounds) {
    for (const Victim& victim : victims(selection.effort)) {
      Point point;
      point.fields = {{"kind", "interference"}, {"background", background.name}};
      set_fields(point.fields, victim.fields);
      point.prepare = [victim, background, session] {
        return prepare_beside(victim, background, session);
      };
      out.points.push_back(std::move(point));
    }
  }
  return {out};
}

}  // namespace windtunnel::real
