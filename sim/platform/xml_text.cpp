#include "sim/platform/xml_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace windtunnel::sim {
namespace {

// Walks without recursion; -1 where nothing is too deep.
pugi::xml_node deeper_than(pugi::xml_node root, int limit) {
  int depth = 0;
  pugi::xml_node node = root;
  while (true) {
    if (pugi::xml_node child = node.first_child()) {
      node = child;
      if (++depth > limit) return node;
      continue;
    }
    while (node != root && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (node == root) return {};
    node = node.next_sibling();
  }
}

}  // namespace

XmlText::XmlText(std::string_view text, std::string file)
    : file_(std::move(file)), document_(std::make_unique<pugi::xml_document>()) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_starts_.push_back(i + 1);
  }
}

base::SourceLocation XmlText::at(std::ptrdiff_t offset) const {
  if (offset < 0) return {file_, 0, 0};
  const auto place = static_cast<std::size_t>(offset);
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), place);
  const auto line = static_cast<std::size_t>(after - line_starts_.begin());
  return {file_, static_cast<int>(line), static_cast<int>(place - line_starts_[line - 1]) + 1};
}

base::SourceLocation XmlText::where(pugi::xml_node node) const {
  return at(node.offset_debug());
}

std::optional<XmlText> XmlText::parse(std::string_view text, std::string file,
                                      std::string_view root, base::Diagnostics& diagnostics) {
  XmlText xml(text, std::move(file));
  const pugi::xml_parse_result result = xml.document_->load_buffer(
      text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!result) {
    diagnostics.error(xml.at(result.offset),
                      fmt::format("this is not well-formed XML: {}", result.description()));
    return std::nullopt;
  }
  if (root != xml.root().name()) {
    diagnostics.error(xml.where(xml.root()), fmt::format("the root element is <{}>; <{}> is due",
                                                         xml.root().name(), root));
    return std::nullopt;
  }
  if (const pugi::xml_node deep = deeper_than(xml.root(), kDeepest)) {
    diagnostics.error(xml.where(deep),
                      fmt::format("elements are nested more than {} deep", kDeepest));
    return std::nullopt;
  }
  return xml;
}

}  // namespace windtunnel::sim
