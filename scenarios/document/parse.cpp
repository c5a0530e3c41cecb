#include "scenarios/document/parse.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "scenarios/document/source_text.hpp"

namespace windtunnel::scenarios {
namespace {

// Ends the parse after an error that leaves nothing to go on with; the error is already reported.
struct Abandoned {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::string& file, base::Diagnostics& diagnostics)
      : text_(text), file_(file), diagnostics_(diagnostics) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_begin_.push_back(i + 1);
    }
  }

  Node take_root() { return std::move(root_); }

  // yaml-cpp counts lines and bytes from 0; -1 where it knows no place.
  base::SourceLocation location(const YAML::Mark& mark) const {
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= line_begin_.size())
      return {file_, 1, 1};
    const auto column = static_cast<std::size_t>(std::max(mark.column, 0));
    return {file_, mark.line + 1, character_column(static_cast<std::size_t>(mark.line), column)};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    diagnostics_.error(location(mark), "a second document begins here: a scenario file holds one");
    throw Abandoned{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    Node node;
    // After a key yaml-cpp marks the next token; the key is where a reader looks.
    const bool is_value = !stack_.empty() && stack_.back().has_key;
    node.where = is_value ? stack_.back().key_where : location(mark);
    place(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    diagnostics_.error(location(mark),
                       "aliases (*name) are not used in scenarios: write the value out");
    place(invalid_at(mark));
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    diagnostics_.error(
        location(mark),
        fmt::format("anchors (&{}) are not used in scenarios: write the value out", name));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    refuse_tag(mark, tag);
    Node node = scalar_node(value, location(mark));
    node.quoted = tag == "!";
    if (node.quoted && !is_closed(mark)) {
      diagnostics_.error(node.where, "not YAML: a quote is opened here and not closed");
      throw Abandoned{};
    }
    place(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, sequence_node(location(mark)));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, mapping_node(location(mark)));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    bool has_key = false;
    bool drop_value = false;  // the value of a key that was refused
    std::unordered_map<std::string, base::SourceLocation> keys{};
    std::string key{};
    base::SourceLocation key_where{};
  };

  // The column in characters, from 1, of a byte of a line. Events come in order, so that the count
  // goes on from the last one: linear in the file even where it is one long line.
  int character_column(std::size_t line, std::size_t byte) const {
    if (line != seen_.line || byte < seen_.byte) seen_ = {line, 0, 1};
    const std::size_t begin = line_begin_[line];
    for (; seen_.byte < byte && begin + seen_.byte < text_.size(); ++seen_.byte) {
      if ((static_cast<unsigned char>(text_[begin + seen_.byte]) & 0xC0U) != 0x80U) ++seen_.column;
    }
    return seen_.column;
  }

  // yaml-cpp ends an open quote at the end of the file without a word.
  bool is_closed(const YAML::Mark& mark) const {
    const std::size_t begin = line_begin_[static_cast<std::size_t>(mark.line)];
    std::size_t at = begin + static_cast<std::size_t>(mark.column);
    if (at >= text_.size()) return true;
    const char quote = text_[at];
    if (quote != '"' && quote != '\'') return true;  // a block of text
    for (++at; at < text_.size(); ++at) {
      if (quote == '"' && text_[at] == '\\') {
        ++at;
      } else if (text_[at] == quote) {
        if (quote == '"' || at + 1 >= text_.size() || text_[at + 1] != quote) return true;
        ++at;  // '' is a quote inside single quotes
      }
    }
    return false;
  }

  Node invalid_at(const YAML::Mark& mark) const {
    Node node;
    node.kind = NodeKind::invalid;
    node.where = location(mark);
    return node;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    diagnostics_.error(location(mark), "YAML tags (!name) are not used in scenarios");
  }

  void open(const YAML::Mark& mark, const std::string& tag, Node node) {
    refuse_tag(mark, tag);
    if (static_cast<int>(stack_.size()) >= kDeepestNesting) {
      diagnostics_.error(location(mark),
                         fmt::format("nested more than {} levels deep", kDeepestNesting));
      throw Abandoned{};
    }
    if (expects_key()) {
      diagnostics_.error(
          location(mark),
          "a key has to be plain text, not a list or mapping; or a bracket is not closed");
      throw Abandoned{};
    }
    stack_.push_back({.node = std::move(node)});
  }

  void close() {
    Node node = std::move(stack_.back().node);
    stack_.pop_back();
    place(std::move(node));
  }

  bool expects_key() const {
    return !stack_.empty() && stack_.back().node.kind == NodeKind::mapping &&
           !stack_.back().has_key;
  }

  void place(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == NodeKind::sequence) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, std::move(node));
    } else {
      frame.has_key = false;
      if (frame.drop_value) return;
      frame.node.entries.push_back(
          {std::move(frame.key), std::move(frame.key_where), std::move(node)});
    }
  }

  void take_key(Frame& frame, Node node) {
    frame.has_key = true;
    frame.drop_value = true;
    frame.key_where = node.where;
    frame.key = node.text;
    if (node.kind != NodeKind::scalar) {
      diagnostics_.error(node.where, "a key has to be plain text");
    } else if (node.text == "<<" && !node.quoted) {
      diagnostics_.error(node.where,
                         "merge keys (<<) are not used in scenarios: name a base with 'use'");
    } else if (const auto [first, is_new] = frame.keys.emplace(node.text, node.where); !is_new) {
      diagnostics_.error(node.where,
                         fmt::format("'{}' is given twice; the first is at line {}, column {}",
                                     node.text, first->second.line, first->second.column));
    } else {
      frame.drop_value = false;
    }
  }

  struct Seen {
    std::size_t line;
    std::size_t byte;
    int column;
  };

  std::string_view text_;
  mutable Seen seen_{0, 0, 1};
  const std::string& file_;
  base::Diagnostics& diagnostics_;
  std::vector<std::size_t> line_begin_{0};
  std::vector<Frame> stack_;
  Node root_;
  int documents_ = 0;
};

// yaml-cpp's messages in plain words; what is not here is passed on as it is.
std::string plain_words(const std::string& message) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kSentences{{
      {"illegal map value", "a ':' where no key can be: check the indentation and the quotes"},
      {"end of map not found", "the indentation does not fit the lines above"},
      {"end of map flow not found", "a '{' is not closed by '}' (or a ',' is missing before this)"},
      {"end of sequence not found", "the indentation does not fit the list above"},
      {"end of sequence flow not found",
       "a '[' is not closed by ']' (or a ',' is missing before this)"},
      {"illegal EOF in scalar", "a quote is opened and not closed"},
      {"unknown escape character: ",
       "an unknown escape in double quotes: write \\\\ for a backslash"},
      {"unknown token",
       "a character that YAML keeps for itself ('@', '`', '%'): put the text in quotes"},
      {"illegal document indicator in scalar", "'---' or '...' inside quotes"},
      {"illegal block entry", "a '-' where no list can be: check the indentation"},
      {"the referenced anchor is not defined", "aliases (*name) are not used in scenarios"},
      {"bad directive", "a line beginning with '%': put the text in quotes"},
  }};
  for (const auto& [theirs, ours] : kSentences) {
    if (message.starts_with(theirs)) return fmt::format("not YAML: {}", ours);
  }
  return fmt::format("not YAML: {}", message);
}

}  // namespace

std::optional<Node> parse_yaml(std::string_view text, const std::string& file,
                               base::Diagnostics& diagnostics) {
  if (!check_text(text, file, diagnostics)) return std::nullopt;
  TreeBuilder builder(text, file, diagnostics);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Abandoned&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    diagnostics.error(builder.location(error.mark), plain_words(error.msg));
    return std::nullopt;
  }
  return builder.take_root();
}

}  // namespace windtunnel::scenarios
