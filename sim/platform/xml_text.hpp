// An XML file with positions: what the importers have in common.
//
// Contract: parsing errors and all messages carry file, line and column (of the element they are
// about). Documents deeper than kDeepest are refused, so that recursion over them is safe.
#pragma once

#include <memory>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::sim {

class XmlText {
 public:
  static constexpr int kDeepest = 200;

  // Nothing where the text is no XML or its root element is not `root`; errors go to `diagnostics`.
  static std::optional<XmlText> parse(std::string_view text, std::string file,
                                      std::string_view root, base::Diagnostics& diagnostics);

  pugi::xml_node root() const { return document_->document_element(); }
  base::SourceLocation where(pugi::xml_node node) const;

 private:
  XmlText(std::string_view text, std::string file);
  base::SourceLocation at(std::ptrdiff_t offset) const;

  std::string file_;
  std::vector<std::size_t> line_starts_;
  std::unique_ptr<pugi::xml_document> document_;
};

}  // namespace windtunnel::sim
