#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "calibration/nccl_tests.hpp"

namespace windtunnel::calibration {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

using collectives::Op;
// Without underscores and dashes; longer words first, since "reduce" is in most of them.
constexpr std::array<std::pair<std::string_view, Op>, 9> kOpWords{
    {{"allreduce", Op::all_reduce},
     {"reducescatter", Op::reduce_scatter},
     {"allgather", Op::all_gather},
     {"alltoall", Op::all_to_all},
     {"sendrecv", Op::send_recv},
     {"broadcast", Op::broadcast},
     {"bcast", Op::broadcast},
     {"reduceperf", Op::reduce},
     {"reduce", Op::reduce}}};

struct Product {
  std::string_view words;  // all of them, blank-separated
  std::string_view name;
};
// More particular products first.
constexpr std::array kProducts{Product{"gh200", "gh200"},
                               Product{"gb200", "gb200"},
                               Product{"gb300", "gb300"},
                               Product{"b300", "b300-sxm"},
                               Product{"b200", "b200-sxm"},
                               Product{"h100 pcie", "h100-pcie"},
                               Product{"h100 nvl", "h100-pcie"},
                               Product{"h100", "h100-sxm"},
                               Product{"h200", "h200-sxm"},
                               Product{"h800", "h800-sxm"},
                               Product{"h20", "h20"},
                               Product{"a100 pcie", "a100-pcie-80gb"},
                               Product{"a100 40gb", "a100-sxm-40gb"},
                               Product{"a100 80gb", "a100-sxm-80gb"},
                               Product{"a100", "a100-sxm-40gb"},
                               Product{"v100 pcie", "v100-pcie-16gb"},
                               Product{"v100 32gb", "v100-sxm-32gb"},
                               Product{"v100", "v100-sxm-16gb"},
                               Product{"l40s", "l40s"},
                               Product{"a40", "a40"},
                               Product{"gb10", "gb10"},
                               Product{"4090", "rtx-4090"},
                               Product{"3090", "rtx-3090"},
                               Product{"6000 blackwell", "rtx-pro-6000"},
                               Product{"t4", "t4"}};

bool has_all(const std::string& text, std::string_view words) {
  while (!words.empty()) {
    const std::size_t end = words.find(' ');
    if (text.find(words.substr(0, end)) == std::string::npos) return false;
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

std::string gpu_from_product(std::string_view product) {
  std::string text = lower(product);
  for (const Product& known : kProducts) {
    if (has_all(text, known.words)) return std::string(known.name);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  std::replace(text.begin(), text.end(), ' ', '-');
  return text;
}

std::optional<Op> op_from_words(std::string_view words) {
  std::string text = lower(words);
  std::erase_if(text, [](char c) { return c == '_' || c == '-'; });
  for (const auto& [word, op] : kOpWords) {
    if (text.find(word) != std::string::npos) return op;
  }
  return std::nullopt;
}

}  // namespace windtunnel::calibration
