#include "scenarios/cli/warning_groups.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace windtunnel::scenarios::cli {
namespace {

constexpr std::string_view kMissing = "no rows of ";  // calibration/kernels/device_model.cpp
constexpr std::string_view kAtLimit = " fits at the limit: ";  // strategies/train/memory_facts.cpp
constexpr std::string_view kCollectives = "collectives: ";     // calibration/fabric_model.cpp

void add_new(std::vector<std::string>& all, std::string one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
}

// "no rows of gemm bf16 with SOFTWARE on GPU: those [of add] in PROFILE stand
// in[, ...]".
struct MissingRows {
  std::string kind, asked, profile;
};

std::optional<MissingRows> missing_rows(std::string_view text) {
  const std::size_t begin = text.find(kMissing);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + kMissing.size());
  const std::size_t with = text.find(" with "), colon = text.find(": ");
  const std::size_t stands = text.find(" stand in");
  const std::size_t in = stands == std::string_view::npos ? stands : text.rfind(" in ", stands - 1);
  const bool whole = with < colon && colon < in && in < stands && stands != std::string_view::npos;
  if (!whole) return std::nullopt;
  return MissingRows{std::string(text.substr(0, with)),
                     std::string(text.substr(with + 6, colon - with - 6)),
                     std::string(text.substr(in + 4, stands - in - 4))};
}

class Groups {
 public:
  void add(const std::string& text) {
    if (auto rows = missing_rows(text)) {
      Cause& cause = of("rows " + rows->asked);
      cause.asked = rows->asked;
      add_new(cause.parts, std::move(rows->kind));
      add_new(cause.profiles, std::move(rows->profile));
      cause.texts.push_back(text);
    } else if (const std::size_t at = text.find(kCollectives); at != std::string::npos) {
      Cause& cause = of("collectives");
      add_new(cause.parts, text.substr(at + kCollectives.size()));
      cause.texts.push_back(text);
    } else if (text.find(kAtLimit) != std::string::npos) {
      of(std::string(kAtLimit)).texts.push_back(text);
    } else {
      of("alone " + text).texts.push_back(text);
    }
  }

  std::vector<std::string> sentences() const {
    std::vector<std::string> out;
    for (const Cause& cause : causes_) {
      if (cause.texts.size() == 1) {
        out.push_back(cause.texts.front());
      } else if (!cause.asked.empty()) {
        out.push_back(fmt::format(
            "no measured rows of {} with {}: those of {} "
            "stand in, with wider bands "
            "(--verbose says which for which)",
            fmt::join(cause.parts, ", "), cause.asked, fmt::join(cause.profiles, ", ")));
      } else if (cause.key == kAtLimit) {
        out.push_back(fmt::format(
            "{} cases fit at the limit of their memory: the allocator has to give freed "
            "blocks back and ask again (--verbose names them and what would help)",
            cause.texts.size()));
      } else if (cause.parts.empty()) {
        out.push_back(cause.texts.front());
      } else {
        out.push_back(fmt::format("{}{}", kCollectives, fmt::join(cause.parts, "; ")));
      }
    }
    return out;
  }

 private:
  struct Cause {
    std::string key;
    std::string asked{};  // software and GPU
    std::vector<std::string> parts{}, profiles{}, texts{};
  };
  Cause& of(const std::string& key) {
    const auto found = std::find_if(causes_.begin(), causes_.end(),
                                    [&](const Cause& one) { return one.key == key; });
    if (found != causes_.end()) return *found;
    causes_.push_back({.key = key});
    return causes_.back();
  }

  std::vector<Cause> causes_;
};

}  // namespace

std::vector<std::string> by_cause(const std::vector<std::string>& warnings) {
  Groups groups;
  for (const std::string& text : warnings) groups.add(text);
  return groups.sentences();
}

}  // namespace windtunnel::scenarios::cli
