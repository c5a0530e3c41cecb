// Mooncake's traces: one JSON object a line.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "scenarios/traces/trace_rows.hpp"

namespace windtunnel::scenarios {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kBlock = 512;  // tokens that one of the hash_ids stands for

// The requests of a trace have prefixes of blocks in common, a tree of them. A request can name one
// prefix, so it names the longest that any other request has too.
class PrefixTree {
 public:
  void add(const std::vector<std::int64_t>& blocks) {
    std::int64_t node = 0;
    for (const std::int64_t block : blocks) {
      const auto [found, fresh] = child_.try_emplace({node, block}, next_);
      if (fresh) {
        ++next_;
        requests_.push_back(0);
      }
      node = found->second;
      ++requests_[static_cast<std::size_t>(node - 1)];
    }
    paths_.push_back(blocks);
  }

  // Of the request that was added as the i-th.
  void name(std::size_t i, strategies::Request& request) const {
    std::int64_t node = 0, depth = 0;
    for (const std::int64_t block : paths_[i]) {
      const std::int64_t below = child_.at({node, block});
      if (requests_[static_cast<std::size_t>(below - 1)] < 2) break;
      node = below;
      ++depth;
    }
    if (depth == 0) return;
    request.prefix_id = node;
    request.prefix_tokens = std::min(depth * kBlock, request.input_tokens);
  }

 private:
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> child_;
  std::vector<std::int64_t> requests_;
  std::vector<std::vector<std::int64_t>> paths_;
  std::int64_t next_ = 1;
};

// Null where the key is missing or of another type; said.
const Json* number_at(const Json& row, const char* key, const char* alias, TraceRows& rows) {
  auto found = row.find(key);
  if (found == row.end()) found = row.find(alias);
  if (found == row.end()) {
    rows.error(1, fmt::format("the request has no '{}'", key));
    return nullptr;
  }
  if (!found->is_number()) {
    rows.error(1, fmt::format("{} has to be a number, not {}", key, found->dump()));
    return nullptr;
  }
  return &*found;
}

std::optional<std::int64_t> tokens_at(const Json& row, const char* key, const char* alias,
                                      TraceRows& rows) {
  const Json* value = number_at(row, key, alias, rows);
  if (value == nullptr) return std::nullopt;
  return rows.tokens(value->dump(), 1, key);
}

std::optional<std::vector<std::int64_t>> blocks_of(const Json& row, TraceRows& rows) {
  std::vector<std::int64_t> blocks;
  const auto found = row.find("hash_ids");
  if (found == row.end()) return blocks;
  for (const Json& id : *found) {
    if (!id.is_number_integer()) {
      rows.error(1, "hash_ids has to be a list of whole numbers");
      return std::nullopt;
    }
    blocks.push_back(id.get<std::int64_t>());
  }
  return blocks;
}

class MooncakeReader {
 public:
  explicit MooncakeReader(TraceRows& rows) : rows_(rows) {}

  void read(std::string_view line) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) return;
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object()) return rows_.error(1, "the line is no JSON object");
    const Json* stamp = number_at(row, "timestamp", "created_time", rows_);
    const auto input = tokens_at(row, "input_length", "input_tokens", rows_);
    const auto output = tokens_at(row, "output_length", "output_tokens", rows_);
    auto blocks = blocks_of(row, rows_);
    if (stamp == nullptr || !input || !output || !blocks) return;
    const auto time = rows_.time(stamp->dump(), 1, "timestamp");
    if (!time) return;
    if (*input == 0 || *output == 0) return rows_.skip();
    strategies::Request request;
    if (!first_) first_ = *time;
    request.arrival = base::Seconds((*time - *first_) / 1e3);
    request.input_tokens = *input;
    request.output_tokens = *output;
    if (rows_.add(request, 1)) tree_.add(*blocks);
  }

  const PrefixTree& tree() const { return tree_; }

 private:
  TraceRows& rows_;
  PrefixTree tree_;
  std::optional<double> first_;
};

}  // namespace

void read_mooncake_trace(std::string_view first, TraceLines& lines, TraceRows& rows) {
  MooncakeReader reader(rows);
  reader.read(first);
  for (std::string_view line; lines.next(line);) reader.read(line);
  rows.for_each(
      [&reader](std::size_t i, strategies::Request& request) { reader.tree().name(i, request); });
}

}  // namespace windtunnel::scenarios
