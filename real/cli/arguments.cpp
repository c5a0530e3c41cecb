#include "real/cli/arguments.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "real/shapes.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::real {
namespace {

constexpr const char* kAbout =
    "Measures this machine and writes what `windtunnel calibrate` and `validate` read.\n\n"
    "  windtunnel-measure all --out gpu.csv               everything, on the GPU\n"
    "  windtunnel-measure all --out gpu.csv --budget 300s the same in pieces: run it again to go "
    "on\n"
    "  windtunnel-measure --device cpu all --quick --out cpu.csv\n"
    "  windtunnel-measure gemm --model llama3-8b --precision bf16,fp8 --out gemm.csv\n"
    "  srun --ntasks-per-node=8 windtunnel-measure collective --out nccl.csv\n";

// The options as they stand, before they are understood.
struct Words {
  std::vector<std::string> verbs, precisions, ops, algorithms, protocols;
  std::string device = "cuda", out, budget, shapes, model, grid, sizes, max_time;
  std::string gpu_name, host = "*", source, rendezvous, fabric, interconnect;
  std::vector<int> ranks;
  int gpu_index = -1, threads = 0;
  double accuracy_percent = 0.0;
  bool quick = false, list = false, dry_run = false, no_header = false;
};

void declare(CLI::App& app, Words& words) {
  app.add_option("VERB", words.verbs,
                 "gemm, attention, memory, copy, launch, interference, collective, step, or all")
      ->required();
  app.add_option("--device", words.device, "cuda or cpu")->check(CLI::IsMember({"cuda", "cpu"}));
  app.add_option("--out", words.out, "measurement CSV to append to; points in it are not repeated");
  app.add_option("--budget", words.budget, "stop in time, e.g. 300s; run again to go on");
  app.add_flag("--quick", words.quick, "fewer points, less time on each");
  app.add_option("--shapes", words.shapes, "CSV of shapes: m,n,k and/or heads,head_dim,q_len,...");
  app.add_option("--model", words.model, "shapes of a model's layers, e.g. llama3-8b");
  app.add_option("--grid", words.grid, "GEMM shapes, e.g. m=16..4096,n=4096:11008,k=4096");
  app.add_option("--precision", words.precisions, "bf16, fp8, ...")->delimiter(',');
  app.add_option("--ops", words.ops, "collectives: all_reduce, all_gather, ...")->delimiter(',');
  app.add_option("--algorithm", words.algorithms, "collectives: force these")->delimiter(',');
  app.add_option("--protocol", words.protocols, "collectives: force these")->delimiter(',');
  app.add_option("--sizes", words.sizes, "collectives: FROM..TO or FROM..TO*FACTOR, e.g. 8B..1GiB");
  app.add_option("--fabric", words.fabric, "collectives: name of the cluster, e.g. my-cluster");
  app.add_option("--interconnect", words.interconnect,
                 "collectives: network between nodes, e.g. \"8x400Gb/s NDR InfiniBand\"");
  app.add_option("--ranks", words.ranks, "processes of the CPU's MPI collectives")->delimiter(',');
  app.add_option("--threads", words.threads, "CPU threads; default: 1, and all cores");
  app.add_option("--gpu-index", words.gpu_index, "which GPU; default 0, or by the local rank");
  app.add_option("--gpu", words.gpu_name, "name for the gpu column; default: found out");
  app.add_option("--max-time", words.max_time, "longest sampling of a point, e.g. 2s");
  app.add_option("--accuracy", words.accuracy_percent,
                 "stop at this half width of the median's 95 % interval, in per cent")
      ->check(CLI::Range(0.01, 50.0));
  app.add_option("--host", words.host, "name for the host column; '' leaves it blank");
  app.add_option("--source", words.source, "text for the source column");
  app.add_option("--rendezvous", words.rendezvous,
                 "file that every process sees; default: beside --out");
  app.add_flag("--list", words.list, "print the points as CSV and measure nothing");
  app.add_flag("--dry-run", words.dry_run, "say how many points there are to measure, and no more");
  app.add_flag("--no-header", words.no_header, "no header line on stdout");
}

[[noreturn]] void misuse(std::string text) {
  throw CommandLineEnd{2, "windtunnel-measure: " + std::move(text) + "\n"};
}

base::Seconds duration(const std::string& option, const std::string& text) {
  const auto parsed = base::parse_quantity(text, base::Dimension::time);
  if (const auto* error = std::get_if<base::UnitError>(&parsed))
    misuse(fmt::format("{}: {}", option, error->message));
  const double seconds = std::get<double>(parsed);
  if (!(seconds > 0)) misuse(option + " is a time above 0");
  return base::Seconds(seconds);
}

base::Bytes byte_count(const std::string& text) {
  const auto parsed = base::parse_quantity(text, base::Dimension::bytes);
  if (const auto* error = std::get_if<base::UnitError>(&parsed))
    misuse("--sizes: " + error->message);
  return base::Bytes(std::get<double>(parsed));
}

void read_sizes(const std::string& text, CollectiveWish& wish) {
  if (text.empty()) return;
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) {
    wish.from = wish.to = byte_count(text);
    return;
  }
  const std::size_t star = std::min(text.find('*', dots), text.size());
  wish.from = byte_count(text.substr(0, dots));
  wish.to = byte_count(text.substr(dots + 2, star - dots - 2));
  if (star < text.size()) {
    const std::string factor = text.substr(star + 1);
    wish.factor = std::strtod(factor.c_str(), nullptr);
    if (!(wish.factor >= 1.05)) misuse("--sizes: the factor after '*' is at least 1.05");
  }
  if (wish.to < wish.from) misuse("--sizes: the first size is above the last");
}

void read_verbs(const Words& words, Arguments& out) {
  std::vector<std::string> names = {"all"};
  for (const Verb verb : all_verbs()) names.emplace_back(to_text(verb));
  for (const std::string& word : words.verbs) {
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end())
      misuse(fmt::format("unknown verb '{}'{}; there are {}", word, base::did_you_mean(word, names),
                         fmt::join(names, ", ")));
    if (word == "all") {
      out.asked = Arguments::Asked::all;
      out.verbs = all_verbs();
      return;
    }
    const Verb verb = all_verbs()[static_cast<std::size_t>(found - names.begin() - 1)];
    if (std::find(out.verbs.begin(), out.verbs.end(), verb) == out.verbs.end())
      out.verbs.push_back(verb);
  }
}

std::vector<models::NumberFormat> read_formats(const Words& words) {
  std::vector<models::NumberFormat> formats;
  for (const std::string& name : words.precisions) {
    const auto format = models::number_format_from(name);
    if (!format) {
      std::vector<std::string> names;
      for (const auto known : models::all_number_formats()) names.emplace_back(to_text(known));
      misuse(fmt::format("unknown precision '{}'{}", name, base::did_you_mean(name, names)));
    }
    formats.push_back(*format);
  }
  return formats;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad() || std::filesystem::is_directory(path))
    throw base::EnvironmentError(
        fmt::format("cannot read '{}': {}", path,
                    std::filesystem::is_directory(path) ? "it is a folder" : std::strerror(errno)));
  return text;
}

void read_shapes(const Words& words, Selection& out) {
  const int ways = static_cast<int>(!words.shapes.empty()) +
                   static_cast<int>(!words.model.empty()) + static_cast<int>(!words.grid.empty());
  if (ways > 1) misuse("give one of --shapes, --model and --grid");
  auto formats = out.formats;
  if (formats.empty())
    formats = {words.device == "cpu" ? models::NumberFormat::fp32 : models::NumberFormat::bf16};
  base::Diagnostics diagnostics;
  Shapes shapes;
  if (!words.shapes.empty()) {
    shapes = parse_shapes(read_file(words.shapes), words.shapes, formats, diagnostics);
    if (diagnostics.has_errors()) throw base::InputError(diagnostics);
  } else if (!words.grid.empty()) {
    shapes = parse_grid(words.grid, formats, diagnostics);
    if (diagnostics.has_errors()) throw CommandLineEnd{2, diagnostics.to_text()};
  } else if (!words.model.empty()) {
    out.model = transformer_named(words.model);
    if (!out.model) {
      const auto names = transformer_names();
      misuse(fmt::format("unknown model '{}'{}; there are {}, and --shapes takes any others",
                         words.model, base::did_you_mean(words.model, names),
                         fmt::join(names, ", ")));
    }
    shapes = shapes_of(*out.model, out.effort, formats);
  }
  out.gemms = std::move(shapes.gemms);
  out.attentions = std::move(shapes.attentions);
}

std::string own_host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

void read_plan(const Words& words, Arguments& out) {
  if (words.quick) {
    out.plan.warm_up = base::Seconds(0.004);
    out.plan.max_time = base::Seconds(0.25);
    out.plan.max_samples = 101;
    out.plan.relative_half_width = 0.02;
  }
  if (!words.max_time.empty()) out.plan.max_time = duration("--max-time", words.max_time);
  if (words.accuracy_percent > 0) out.plan.relative_half_width = words.accuracy_percent / 100;
  if (!words.budget.empty()) out.budget = duration("--budget", words.budget);
}

void read_processes(const Words& words, Arguments& out) {
  DeviceOptions& options = out.device_options;
  options.index = words.gpu_index;
  options.threads = words.threads;
  options.name = words.gpu_name;
  options.environment = read_launch_environment();
  options.rendezvous.file = words.rendezvous;
  if (words.rendezvous.empty()) {
    const std::string job = options.environment.job.empty() ? "0" : options.environment.job;
    options.rendezvous.file =
        (words.out.empty() ? std::filesystem::temp_directory_path().string() + "/windtunnel-measure"
                           : words.out) +
        fmt::format(".{}.{}.rendezvous", ::getuid(), job);
  }
  for (const int ranks : words.ranks) {
    if (ranks < 1 || ranks > 4096) misuse("--ranks are from 1 to 4096");
  }
  out.ranks = words.ranks;
}

}  // namespace

Arguments parse_command_line(const std::vector<std::string>& words_given) {
  CLI::App app{kAbout, "windtunnel-measure"};
  Words words;
  declare(app, words);
  std::vector<std::string> reversed(words_given.rbegin(), words_given.rend() - 1);
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int status = app.exit(error, out, err);
    throw CommandLineEnd{status == 0 ? 0 : 2, out.str() + err.str()};
  }
  Arguments out;
  read_verbs(words, out);
  if (words.list && words.dry_run) misuse("give one of --list and --dry-run");
  out.mode = words.list ? Mode::list : words.dry_run ? Mode::dry_run : Mode::measure;
  out.header = words.no_header ? Header::without : Header::with;
  out.device = words.device;
  out.out = words.out;
  out.source = words.source;
  out.host = words.host == "*" ? own_host_name() : words.host;
  out.command = "windtunnel-measure";
  for (std::size_t i = 1; i < words_given.size(); ++i) out.command += " " + words_given[i];
  out.raw.assign(words_given.begin() + 1, words_given.end());
  out.selection.effort = words.quick ? Effort::quick : Effort::full;
  out.selection.threads = words.threads;
  out.selection.formats = read_formats(words);
  out.selection.collective.ops = words.ops;
  out.selection.collective.algorithms = words.algorithms;
  out.selection.collective.protocols = words.protocols;
  out.selection.collective.fabric = words.fabric;
  out.selection.collective.interconnect = words.interconnect;
  read_sizes(words.sizes, out.selection.collective);
  read_shapes(words, out.selection);
  read_plan(words, out);
  read_processes(words, out);
  return out;
}

}  // namespace windtunnel::real
