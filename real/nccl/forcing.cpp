#include "real/nccl/forcing.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace windtunnel::real {
namespace {

using collectives::Op;

constexpr const char* kAlgorithm = "NCCL_ALGO";
constexpr const char* kProtocol = "NCCL_PROTO";

std::string plain(std::string_view word) {
  std::string out;
  for (const char c : word)
    if (c != '_' && c != '-' && c != ' ')
      out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return out;
}

std::optional<std::string> read(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

void write(const char* name, const std::optional<std::string>& value) {
  if (value)
    ::setenv(name, value->c_str(), 1);
  else
    ::unsetenv(name);
}

const std::vector<std::string>& all_algorithms() {
  static const std::vector<std::string> kNames{
      "Tree", "Ring", "CollnetDirect", "CollnetChain", "NVLS", "NVLSTree", "PAT"};
  return kNames;
}
const std::vector<std::string>& all_protocols() {
  static const std::vector<std::string> kNames{"LL", "LL128", "Simple"};
  return kNames;
}

// "nvls_tree", "double_binary_tree" and the like as NCCL spells them.
std::optional<std::string> nccl_spelling(std::string_view word,
                                         const std::vector<std::string>& names) {
  std::string wanted = plain(word);
  if (wanted == "doublebinarytree") wanted = "tree";
  if (wanted == "innetwork") wanted = "nvls";
  for (const std::string& name : names)
    if (plain(name) == wanted) return name;
  return std::nullopt;
}

// Choices of one of the two: blank for "auto", everything for "all".
std::vector<std::string> chosen(const std::vector<std::string>& wished,
                                const std::vector<std::string>& possible,
                                const std::vector<std::string>& names,
                                std::vector<std::string>& unknown) {
  std::vector<std::string> out;
  const auto take = [&out](const std::string& name) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  };
  for (const std::string& word : wished) {
    if (plain(word) == "auto") {
      take("");
    } else if (plain(word) == "all") {
      std::for_each(possible.begin(), possible.end(), take);
    } else if (const auto name = nccl_spelling(word, names); !name) {
      unknown.push_back(word);
    } else if (std::find(possible.begin(), possible.end(), *name) != possible.end()) {
      take(*name);
    }
  }
  if (wished.empty()) take("");
  return out;
}

}  // namespace

std::vector<std::string> nccl_algorithms(Op op) {
  switch (op) {
    case Op::all_reduce:
      return {"Tree", "Ring", "CollnetDirect", "CollnetChain", "NVLS", "NVLSTree"};
    case Op::all_gather:
    case Op::reduce_scatter:
      return {"Ring", "CollnetDirect", "NVLS", "PAT"};
    case Op::broadcast:
    case Op::reduce:
      return {"Ring"};
    case Op::all_to_all:
    case Op::send_recv:
      return {};
  }
  return {};
}

std::string measured_algorithm(std::string_view nccl_name) {
  if (nccl_name == "Tree") return "double_binary_tree";
  if (nccl_name == "NVLSTree") return "nvls_tree";
  if (nccl_name == "CollnetDirect") return "collnet_direct";
  if (nccl_name == "CollnetChain") return "collnet_chain";
  return plain(nccl_name);
}

SettingList nccl_settings(Op op, const CollectiveWish& wish) {
  SettingList out;
  const auto algorithms =
      chosen(wish.algorithms, nccl_algorithms(op), all_algorithms(), out.unknown);
  const auto protocols = chosen(wish.protocols, all_protocols(), all_protocols(), out.unknown);
  for (const std::string& algorithm : algorithms)
    for (const std::string& protocol : protocols) {
      // All but rings and trees know Simple alone.
      const bool any_protocol = algorithm.empty() || algorithm == "Ring" || algorithm == "Tree";
      if (any_protocol || protocol.empty() || protocol == "Simple")
        out.settings.push_back({algorithm, protocol});
    }
  return out;
}

ForcedEnvironment::ForcedEnvironment(const NcclSetting& setting)
    : algorithm_(read(kAlgorithm)), protocol_(read(kProtocol)), setting_(setting) {
  if (!setting_.algorithm.empty()) write(kAlgorithm, setting_.algorithm);
  if (!setting_.protocol.empty()) write(kProtocol, setting_.protocol);
}

ForcedEnvironment::~ForcedEnvironment() {
  if (!setting_.algorithm.empty()) write(kAlgorithm, algorithm_);
  if (!setting_.protocol.empty()) write(kProtocol, protocol_);
}

}  // namespace windtunnel::real
