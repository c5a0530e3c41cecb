// PyTorch's profiler traces (Chrome trace format with Kineto's fields).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "calibration/kernels/kernel_csv.hpp"
#include "calibration/kernels/profiler_readers.hpp"
#include "calibration/nccl_tests.hpp"

namespace windtunnel::calibration {
namespace {

using models::NumberFormat;
using nlohmann::json;

constexpr double kMicrosecond = 1e-6;

using Dims = std::vector<std::int64_t>;

struct CpuOp {
  std::string name;
  std::vector<Dims> dims;
  std::vector<std::string> types;
};

struct Launched {
  double seconds = 0.0;
  std::string kernel;  // the longest one
  double longest = 0.0;
};

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double number_in(const json& object, const char* key, double otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

// "c10::BFloat16" of an input, "BFloat16" of a collective.
std::optional<NumberFormat> format_of(const std::string& type) {
  const auto has = [&](const char* word) { return type.find(word) != std::string::npos; };
  if (has("BFloat16")) return NumberFormat::bf16;
  if (has("Float8")) return NumberFormat::fp8;
  if (has("Half")) return NumberFormat::fp16;
  if (has("double") || has("Double")) return NumberFormat::fp64;
  if (has("float") || has("Float")) return NumberFormat::fp32;
  if (has("signed char") || has("Char")) return NumberFormat::int8;
  return std::nullopt;
}

std::vector<Dims> dims_of(const json& args) {
  std::vector<Dims> out;
  const auto found = args.find("Input Dims");
  if (found == args.end() || !found->is_array()) return out;
  for (const json& one : *found) {
    Dims dims;
    if (one.is_array())
      for (const json& size : one)
        if (size.is_number_integer()) dims.push_back(size.get<std::int64_t>());
    out.push_back(std::move(dims));
  }
  return out;
}

std::optional<models::GemmQuery> gemm_of(const CpuOp& op) {
  // Where the two factors stand among the inputs.
  static const std::map<std::string, std::size_t> kFirst{{"aten::mm", 0},
                                                         {"aten::bmm", 0},
                                                         {"aten::addmm", 1},
                                                         {"aten::baddbmm", 1},
                                                         {"aten::_scaled_mm", 0}};
  const auto first = kFirst.find(op.name);
  if (first == kFirst.end() || op.dims.size() < first->second + 2) return std::nullopt;
  const Dims& a = op.dims[first->second];
  const Dims& b = op.dims[first->second + 1];
  models::GemmQuery q;
  if (a.size() == 2 && b.size() == 2 && a[1] == b[0]) {
    q.m = a[0], q.k = a[1], q.n = b[1];
  } else if (a.size() == 3 && b.size() == 3 && a[2] == b[1] && a[0] == b[0]) {
    q.batch = a[0], q.m = a[1], q.k = a[2], q.n = b[2];
  } else {
    return std::nullopt;
  }
  const auto format = first->second < op.types.size() ? format_of(op.types[first->second])
                                                      : std::optional<NumberFormat>();
  if (!format || q.m < 1 || q.n < 1 || q.k < 1 || q.batch < 1) return std::nullopt;
  q.format = *format;
  return q;
}

// Scaled dot product (batch, heads, length, size) or flash attention (batch, length, heads, size).
std::optional<models::AttentionQuery> attention_of(const CpuOp& op) {
  const bool dot = op.name.find("scaled_dot_product") != std::string::npos;
  const bool flash = op.name.find("flash_attn") != std::string::npos ||
                     op.name.find("_flash_attention") != std::string::npos;
  if (!dot && !flash) return std::nullopt;
  const bool backward = op.name.find("backward") != std::string::npos;
  const std::size_t first = backward ? 1 : 0;  // the gradient of the output comes before
  if (op.dims.size() < first + 3 || op.types.size() <= first) return std::nullopt;
  const Dims &q = op.dims[first], &k = op.dims[first + 1], &v = op.dims[first + 2];
  const auto format = format_of(op.types[first]);
  if (q.size() != 4 || k.size() != 4 || v.size() != 4 || !format) return std::nullopt;
  const std::size_t heads = dot ? 1 : 2, length = dot ? 2 : 1;
  models::AttentionQuery out;
  out.batch = q[0];
  out.heads = q[heads];
  out.kv_heads = k[heads];
  out.head_dim = q[3];
  out.value_dim = v[3] == q[3] ? 0 : v[3];
  out.q_len = q[length];
  out.kv_len = k[length];
  out.format = out.kv_format = *format;
  out.phase = backward                           ? models::AttentionPhase::backward
              : out.q_len == 1 && out.kv_len > 1 ? models::AttentionPhase::decode
                                                 : models::AttentionPhase::context;
  if (out.batch < 1 || out.heads < 1 || out.kv_heads < 1 || out.head_dim < 1 || out.q_len < 1 ||
      out.kv_len < out.q_len)
    return std::nullopt;
  return out;
}

class Trace {
 public:
  Trace(const json& root, const std::filesystem::path& path, ProfilerRows& out)
      : root_(root), path_(path), out_(out) {
    if (const auto devices = root.find("deviceProperties"); devices != root.end())
      for (const json& device : *devices)
        if (gpu_.empty()) gpu_ = canonical_gpu(text_in(device, "name"));
    if (const auto found = root.find("distributedInfo"); found != root.end())
      ranks_ = static_cast<int>(number_in(*found, "world_size", 1));
  }

  void read() {
    for (const json& event : root_.at("traceEvents")) take(event);
    for (const auto& [id, launched] : launched_) add(id, launched);
    for (const auto& [name, count] : unnamed_)
      out_.kernels.skipped.push_back(
          {{path_.string(), 0},
           fmt::format("{} calls of {}: no shape that makes a row (record_shapes=True?)", count,
                       name)});
  }

 private:
  void take(const json& event) {
    const std::string category = text_in(event, "cat");
    const double seconds = number_in(event, "dur", 0.0) * kMicrosecond;
    const auto found = event.find("args");
    static const json kNone = json::object();
    const json& args = found == event.end() ? kNone : *found;
    const std::string name = text_in(event, "name");
    if (category == "cpu_op") {
      CpuOp op{name, dims_of(args), {}};
      if (const auto types = args.find("Input type"); types != args.end() && types->is_array())
        for (const json& type : *types)
          op.types.push_back(type.is_string() ? type.get<std::string>() : "");
      ops_[number_in(args, "External id", -1)] = std::move(op);
    } else if (category == "kernel") {
      if (!(seconds > 0.0)) return;
      if (name.starts_with("nccl")) return add_collective(name, args, seconds);
      Launched& one = launched_[number_in(args, "External id", -1)];
      one.seconds += seconds;
      if (seconds > one.longest) one.longest = seconds, one.kernel = name;
    } else if (name.starts_with("ProfilerStep#") && category != "gpu_user_annotation") {
      add_step(name, seconds);
    }
  }

  void add(double id, const Launched& launched) {
    const auto found = ops_.find(id);
    if (found == ops_.end()) {
      ++unnamed_["kernels without their operator"];
      return;
    }
    const CpuOp& op = found->second;
    const base::Seconds time(launched.seconds);
    if (const auto gemm = gemm_of(op)) {
      out_.kernels.gemm.push_back({*gemm, time, source(op.name), 0});
    } else if (const auto attention = attention_of(op)) {
      out_.kernels.attention.push_back({*attention, time, source(op.name), 0});
    } else {
      ++unnamed_[op.name];
    }
  }

  void add_collective(const std::string& name, const json& args, double seconds) {
    const std::string word = text_in(args, "Collective name");
    const auto op = op_from_words(word.empty() ? name : word);
    const auto format = format_of(text_in(args, "dtype"));
    const double elements =
        std::max(number_in(args, "In msg nelems", 0), number_in(args, "Out msg nelems", 0));
    const auto ranks = static_cast<int>(number_in(args, "Group size", ranks_));
    if (!op || !format || elements < 1 || ranks < 2) {
      ++unnamed_[name.substr(0, name.find('('))];
      return;
    }
    constexpr int kNode = 8;
    CollectiveMeasurement made;
    made.origin = {path_.string(), 0};
    made.op = *op;
    made.bytes = base::Bytes(elements * models::weight_bytes(*format));
    made.nodes = ranks > kNode && ranks % kNode == 0 ? ranks / kNode : 1;
    made.gpus_per_node = ranks / made.nodes;
    made.time = base::Seconds(seconds);
    made.gpu = gpu_;
    made.launch = "per_gpu_process";
    made.source = "Kineto trace";
    if (made.nodes > 1 && !warned_) {
      out_.measurements.diagnostics.warning(
          {path_.string(), 0, 0}, "a trace does not say how many GPUs a node has: read as 8");
      warned_ = true;
    }
    out_.measurements.collectives.push_back(std::move(made));
  }

  void add_step(const std::string& name, double seconds) {
    if (!(seconds > 0.0)) return;
    GenericRow row;
    row.origin = {path_.string(), 0};
    row.kind = "step";
    row.fields = {{"kind", "step"},
                  {"time_s", fmt::format("{}", seconds)},
                  {"gpu", gpu_},
                  {"gpus", std::to_string(ranks_)},
                  {"source", "Kineto trace, " + name}};
    out_.measurements.other.push_back(std::move(row));
  }

  std::int32_t source(const std::string& op) {
    const auto [at, is_new] =
        sources_.emplace(op, static_cast<std::int32_t>(out_.kernels.sources.size()));
    if (is_new)
      out_.kernels.sources.push_back({path_.string(), gpu_, "pytorch", "", "Kineto trace"});
    return at->second;
  }

  const json& root_;
  const std::filesystem::path& path_;
  ProfilerRows& out_;
  std::string gpu_;
  int ranks_ = 1;
  bool warned_ = false;
  std::map<double, CpuOp> ops_;  // by External id
  std::map<double, Launched> launched_;
  std::map<std::string, int> unnamed_;
  std::map<std::string, std::int32_t> sources_;
};

}  // namespace

void read_kineto(const json& root, const std::filesystem::path& path, ProfilerRows& out) {
  Trace(root, path, out).read();
}

}  // namespace windtunnel::calibration
