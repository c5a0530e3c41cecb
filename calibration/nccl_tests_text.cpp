#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "calibration/csv.hpp"
#include "calibration/nccl_tests.hpp"

namespace windtunnel::calibration {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// Without what srun -l ("3: "), mpirun ("[1,0]<stdout>:") or a log collector ("2024-07-19T10:00:00Z
// ") put in front.
std::string without_prefix(const std::string& line) {
  static const std::regex kPrefix(
      R"(^\s*(\[[^\]#]*\]\s*(<\w+>)?\s*:?\s*|\d+:\s+|\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-][0-9:]+)?\s+)+)");
  return std::regex_replace(line, kPrefix, "", std::regex_constants::format_first_only);
}

bool is_time_word(const std::string& word) {
  return word == "time" || word == "cputime";
}

bool is_header(const Words& words) {
  return words.size() > 4 && words[0] == "#" && words[1] == "size" && words[2] == "count" &&
         std::any_of(words.begin(), words.end(), is_time_word);
}

bool is_stamp(const std::string& word) {
  static const std::regex kStamp(R"(\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d(\.\d+)?|\d{4}-\d\d-\d\dT.*)");
  return std::regex_match(word, kStamp);
}

class TextReader {
 public:
  TextReader(std::string_view text, const std::string& file, const LogHints& hints)
      : in_(std::string(text)), file_(file), hints_(hints) {
    from_file_ =
        hints.op ? hints.op : op_from_words(std::filesystem::path(file).filename().string());
  }

  Measurements read() {
    for (std::string line; std::getline(in_, line);) {
      ++line_;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      take(without_prefix(line));
    }
    if (out_.collectives.empty() && out_.skipped.empty())
      out_.diagnostics.error({file_, line_, 0}, "no result line of nccl-tests in this log");
    return std::move(out_);
  }

 private:
  void take(const std::string& line) {
    const Words words = split(line);
    if (words.empty()) return;
    if (is_header(words)) return set_header(words);
    if (take_rank(line) || take_setup(line)) return;
    if (words[0][0] != '#' && header_seen_) take_result(words);
  }

  void set_header(const Words& words) {
    header_seen_ = true;
    const auto first = std::find_if(words.begin(), words.end(), is_time_word);
    tail_.assign(first, words.end());
    std::erase(tail_, "timestamp");
    halves_ = static_cast<std::size_t>(std::count_if(tail_.begin(), tail_.end(), is_time_word));
  }

  bool take_rank(const std::string& line) {
    static const std::regex kRank(
        R"(#\s*Rank\s+(\d+)\s+(?:Group\s+(\d+)\s+)?Pid\s+(\d+)\s+on\s+(\S+)\s+device\s+\d+\s+\[[^\]]*\]\s*(.*))");
    std::smatch m;
    if (!std::regex_search(line, m, kRank)) return false;
    if (std::stoll(m[1]) == 0) forget_ranks();
    if (m[2].matched && std::stoll(m[2]) != 0) return true;  // other groups run beside this one
    ++ranks_;
    hosts_.insert(m[4]);
    pids_.insert(m[4].str() + "/" + m[3].str());
    gpu_ = gpu_from_product(m[5].str());
    return true;
  }

  void forget_ranks() {
    ranks_ = 0;
    hosts_.clear();
    pids_.clear();
  }

  bool take_setup(const std::string& line) {
    static const std::regex kStarting(R"(#\s*Collective test starting:\s*(\S+))");
    static const std::regex kCommand(R"((\w+)_perf\b)");
    static const std::regex kThreads(R"(#\s*nThreads?:?\s+(\d+)\s+nGpus:?\s+(\d+))");
    static const std::regex kVersion(R"(NCCL version\s+(\d+\.\d+(\.\d+)?))");
    static const std::regex kLibrary(R"(nccl-library=(\d+))");
    static const std::regex kProcesses(R"((?:^|\s)(?:-np|-n|--ntasks[= ]|-N)\s*(\d+)\s.*_perf)");
    std::smatch m;
    if (std::regex_search(line, m, kVersion)) stack_ = "nccl " + m[1].str();
    if (std::regex_search(line, m, kLibrary)) set_library(std::stol(m[1]));
    if (std::regex_search(line, m, kThreads)) {
      per_process_ = std::stoi(m[1]) * std::stoi(m[2]);
      header_seen_ = false;
      forget_ranks();
      return true;
    }
    if (line.find("test concluded") != std::string::npos) return true;
    if (std::regex_search(line, m, kStarting)) {
      op_ = op_from_words(m[1].str());
      return true;
    }
    if (std::regex_search(line, m, kProcesses)) processes_ = std::stoi(m[1]);
    if (std::regex_search(line, m, kCommand)) {
      if (const auto op = op_from_words(m[0].str())) op_ = op;
      return true;
    }
    return false;
  }

  // NCCL_VERSION_CODE: 2.9 and later 10000 major + 100 minor + patch.
  void set_library(long code) {
    stack_ = fmt::format("nccl {}.{}.{}", code / 10000, code / 100 % 100, code % 100);
  }

  // Columns are found from the right: older tests leave redop or root blank in the rows.
  void take_result(Words words) {
    while (!words.empty() && is_stamp(words.back())) words.pop_back();
    const auto size = number(words.empty() ? "" : words[0]);
    if (!size || words.size() < 4 || !number(words[1])) return;  // someone else's line
    const std::size_t half = halves_ > 1 ? tail_.size() / halves_ : tail_.size();
    std::optional<double> time;
    if (words.size() >= tail_.size() + 2) {
      time = number(words[words.size() - tail_.size()]);
      if (!time && halves_ > 1) time = number(words[words.size() - half]);
    } else if (words.size() >= half + 3) {
      time = number(words[words.size() - half]);
    }
    if (!time || !std::isfinite(*time)) {
      out_.diagnostics.warning({file_, line_, 1},
                               "this result line is cut short or damaged; left out");
      out_.skipped.push_back({{file_, line_}, "damaged result line"});
      return;
    }
    add(*size, *time);
  }

  void add(double bytes, double time_us) {
    const auto [ranks, nodes] =
        shape_of_log(ranks_, static_cast<int>(hosts_.size()), per_process_ * processes_, hints_);
    const auto op = op_ ? op_ : from_file_;
    std::string why;
    if (!op)
      why = "the log does not say which collective it measured";
    else if (ranks < 1)
      why = "the log does not say how many ranks there were";
    else if (ranks % nodes != 0)
      why = "the hosts have different numbers of ranks";
    else if (time_us <= 0.0)
      why = "the time is not above 0";
    if (!why.empty()) {
      out_.skipped.push_back({{file_, line_}, why});
      return;
    }
    CollectiveMeasurement row;
    row.origin = {file_, line_};
    row.op = *op;
    row.bytes = base::Bytes(bytes);
    row.nodes = nodes;
    row.gpus_per_node = ranks / nodes;
    row.time = base::Seconds(time_us * 1e-6);
    row.gpu = gpu_;
    row.stack = stack_;
    row.launch = launch(ranks, nodes);
    row.source = file_;
    out_.collectives.push_back(std::move(row));
  }

  std::string launch(int ranks, int nodes) const {
    // Without rank lines every process drives as many GPUs as the log's head says.
    const int processes = !pids_.empty()     ? static_cast<int>(pids_.size())
                          : per_process_ > 0 ? ranks / per_process_
                                             : processes_;
    if (processes == ranks) return "per_gpu_process";
    return processes == nodes ? "one_process_per_node" : "";
  }

  std::istringstream in_;
  const std::string& file_;
  const LogHints& hints_;
  Measurements out_;
  int line_ = 0;
  bool header_seen_ = false;
  Words tail_;
  std::size_t halves_ = 1;
  std::optional<collectives::Op> op_, from_file_;
  int ranks_ = 0, per_process_ = 0, processes_ = 1;
  std::set<std::string> hosts_, pids_;
  std::string gpu_, stack_;
};

}  // namespace

bool looks_like_nccl_tests_text(std::string_view text) {
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    const std::string bare = without_prefix(line.substr(0, 400));
    if (is_header(split(bare)) || bare.starts_with("# nThread") ||
        bare.starts_with("# Collective test starting"))
      return true;
  }
  return false;
}

Measurements read_nccl_tests_text(std::string_view text, const std::string& file,
                                  const LogHints& hints) {
  return TextReader(text, file, hints).read();
}

}  // namespace windtunnel::calibration
