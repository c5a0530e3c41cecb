#include "scenarios/document/write.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace windtunnel::scenarios {
namespace {

bool reads_as_null(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNulls{"", "~", "null", "Null", "NULL"};
  return std::find(kNulls.begin(), kNulls.end(), text) != kNulls.end();
}

// Plain in block and flow style alike; what is not surely plain is quoted.
bool is_plain(std::string_view text) {
  if (reads_as_null(text)) return false;
  const auto letter = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return std::isalnum(u) != 0 || c == '_' || c == '.' || c == '/' || c == '$' || c == '+';
  };
  const bool number =
      text.size() > 1 && text[0] == '-' && std::isdigit(static_cast<unsigned char>(text[1]));
  if (!number && !letter(text.front())) return false;
  if (text.back() == ' ' || text == "..." || text == "---") return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || c == '-' || c == ' ' || c == '%' || c == '(' || c == ')';
  });
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::string scalar_text(const Node& node) {
  return !node.quoted && is_plain(node.text) ? node.text : quoted(node.text);
}

bool holds_mapping(const Node& sequence) {
  return std::any_of(sequence.items.begin(), sequence.items.end(),
                     [](const Node& item) { return item.kind == NodeKind::mapping; });
}

void write_block(const Node& mapping, int indent, std::string& out);

void write_value(const Node& value, int indent, std::string& out) {
  const std::string pad(static_cast<std::size_t>(indent) + 2, ' ');
  if (value.kind == NodeKind::mapping && !value.entries.empty()) {
    out += '\n';
    write_block(value, indent + 2, out);
  } else if (value.kind == NodeKind::sequence && holds_mapping(value)) {
    out += '\n';
    for (const Node& item : value.items) out += fmt::format("{}- {}\n", pad, to_flow_yaml(item));
  } else {
    out += ' ' + to_flow_yaml(value) + '\n';
  }
}

void write_block(const Node& mapping, int indent, std::string& out) {
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  for (const Entry& entry : mapping.entries) {
    out += fmt::format("{}{}:", pad, is_plain(entry.key) ? entry.key : quoted(entry.key));
    write_value(entry.value, indent, out);
  }
}

}  // namespace

std::string to_flow_yaml(const Node& node) {
  std::string out;
  switch (node.kind) {
    case NodeKind::null:
    case NodeKind::invalid:
      return "null";
    case NodeKind::scalar:
      return scalar_text(node);
    case NodeKind::sequence:
      for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + to_flow_yaml(item);
      return "[" + out + "]";
    case NodeKind::mapping:
      for (const Entry& entry : node.entries) {
        out += fmt::format("{}{}: {}", out.empty() ? "" : ", ",
                           is_plain(entry.key) ? entry.key : quoted(entry.key),
                           to_flow_yaml(entry.value));
      }
      return "{" + out + "}";
  }
  return out;
}

std::string value_text(const Node& node) {
  return node.kind == NodeKind::scalar ? node.text : to_flow_yaml(node);
}

std::string to_yaml(const Node& node) {
  if (node.kind != NodeKind::mapping || node.entries.empty()) return to_flow_yaml(node) + "\n";
  std::string out;
  write_block(node, 0, out);
  return out;
}

}  // namespace windtunnel::scenarios
