// What `windtunnel run` prints: the headline sections of a View as text for a terminal.
//
// Contract: no line is wider than `width` columns unless one word is; without colour every line is
// plain text without trailing blanks; what colour says, a sign says as well (* fastest, ~ fastest
// by less than the error band). Tables too wide are broken into blocks that repeat the key columns;
// a last column of words goes on below itself.
#pragma once

#include <string>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

enum class Color { off, on };
enum class Warnings { shown, left_out };  // left out where they go to stderr

struct TextOptions {
  int width = 100;
  Color color = Color::off;
  Warnings warnings = Warnings::shown;
};

std::string to_text(const Result& result, const TextOptions& options = {});
std::string to_text(const View& view, const TextOptions& options = {});
// One table alone, with its notes.
std::string to_text(const ViewTable& table, const TextOptions& options = {});

}  // namespace windtunnel::reports
