// Fitting text into columns of a terminal; widths are those of display_width.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace windtunnel::reports {

std::string spaces(std::size_t count);

// At most `width` wide. The middle is taken out, not the end: names of a sweep differ at their
// ends.
std::string cut(const std::string& text, std::size_t width);

// Words put on lines of at most `width` (a longer word has a line of its own); lines after the
// first start with `indent`. Ends in a line break.
std::string wrapped(const std::string& text, std::size_t width, const std::string& indent);

// The same as lines, without indent or line breaks; none where there is no word.
std::vector<std::string> lines_of(const std::string& text, std::size_t width);

}  // namespace windtunnel::reports
