// Text made safe for the format it goes into. Every function takes any bytes; what is not UTF-8
// becomes U+FFFD, so that no writer can produce a file its readers reject.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace windtunnel::reports {

// The text with every ill-formed UTF-8 sequence replaced by U+FFFD (overlong forms and surrogates
// too).
std::string valid_utf8(std::string_view text);

// With the quotes: "a\nb". Control characters as \u00XX.
std::string json_string(std::string_view text);

// For element content and quoted attributes.
std::string html_escape(std::string_view text);

// For one cell of a table or a line of text: pipes, asterisks and the like lose their meaning; line
// breaks become blanks.
std::string markdown_escape(std::string_view text);

// One field of RFC 4180: quoted where it holds a comma, a quote or a line break.
std::string csv_field(std::string_view text);

// One line for a terminal: control characters (escape sequences among them) become blanks.
std::string one_line(std::string_view text);

// Columns a terminal needs: code points, wide East Asian ones counted twice, combining marks not at
// all.
std::size_t display_width(std::string_view text);

}  // namespace windtunnel::reports
