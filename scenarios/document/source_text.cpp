#include "scenarios/document/source_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// Length of the well-formed UTF-8 sequence at `offset` (Unicode 15, table 3-7); 0 where there is
// none.
std::size_t sequence_length(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const auto continues = [&](std::size_t count) {
    if (offset + count >= text.size()) return false;
    for (std::size_t i = 1; i <= count; ++i) {
      if (!is_continuation(text[offset + i])) return false;
    }
    return true;
  };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(2)) return 0;
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(3)) return 0;
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

std::optional<std::string> utf16_problem(std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return "this file is UTF-16; save it as UTF-8";
  }
  return std::nullopt;
}

struct Problem {
  std::size_t offset;
  std::string message;
};

std::optional<Problem> encoding_problem(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t';
    if (control || byte == 0x7F) {
      return Problem{i, fmt::format("this is a binary file, not text (byte 0x{:02X})", byte)};
    }
    const std::size_t length = sequence_length(text, i);
    if (length == 0) {
      return Problem{i, fmt::format("byte 0x{:02X} is not UTF-8; save the file as UTF-8", byte)};
    }
    i += length;
  }
  return std::nullopt;
}

bool opens_block_text(std::string_view line) {
  const std::size_t comment = line.find(" #");
  if (comment != std::string_view::npos) line = line.substr(0, comment);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) {
    line.remove_suffix(1);
  }
  while (!line.empty() && std::strchr("+-0123456789", line.back()) != nullptr)
    line.remove_suffix(1);
  if (line.size() < 2 || (line.back() != '|' && line.back() != '>')) return false;
  return line[line.size() - 2] == ' ';
}

// The first tab that stands where YAML counts spaces; tabs inside a block of text (`|`, `>`) are
// text.
std::optional<std::size_t> tab_in_indentation(std::string_view text) {
  constexpr std::size_t kNoBlock = std::string_view::npos;
  std::size_t block_indent = kNoBlock;  // of the line that opened the block of text
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(begin, end - begin);
    const std::size_t spaces = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos) {
      if (block_indent != kNoBlock && spaces <= block_indent) block_indent = kNoBlock;
      if (block_indent == kNoBlock) {
        if (line[spaces] == '\t' && line[first] != '#') return begin + spaces;
        if (opens_block_text(line)) block_indent = spaces;
      }
    }
    begin = end + 1;
  }
  return std::nullopt;
}

bool is_blank(std::string_view text) {
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') comment = false;
    if (c == '#') comment = true;
    if (!comment && c != ' ' && c != '\n' && c != '\r' && c != '\t') return false;
  }
  return true;
}

}  // namespace

std::string read_file(const std::string& path, std::size_t most_bytes) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw base::EnvironmentError(fmt::format("{}'{}': it is a directory", kUnreadable, path));
  }
  errno = 0;
  // Not every machine has a /dev/stdin; the name stands for what the process was given.
  std::ifstream file;
  if (path != "/dev/stdin") file.open(path, std::ios::binary);
  std::istream& in = path != "/dev/stdin" ? file : std::cin;
  if (!in) {
    const std::string why = errno != 0 ? std::strerror(errno) : "it cannot be opened";
    throw base::EnvironmentError(fmt::format("{}'{}': {}", kUnreadable, path, why));
  }
  std::string text;
  while (text.size() < most_bytes && in) {
    constexpr std::size_t kPiece = std::size_t{1} << 16;
    const std::size_t had = text.size();
    text.resize(std::min(had + kPiece, most_bytes));
    in.read(text.data() + had, static_cast<std::streamsize>(text.size() - had));
    text.resize(had + static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) throw base::EnvironmentError(fmt::format("{}'{}': read error", kUnreadable, path));
  return text;
}

bool only_unreadable(const base::Diagnostics& diagnostics) {
  return diagnostics.has_errors() && std::all_of(diagnostics.all().begin(), diagnostics.all().end(),
                                                 [](const base::Diagnostic& one) {
                                                   return one.severity != base::Severity::error ||
                                                          one.message.starts_with(kUnreadable);
                                                 });
}

base::SourceLocation location_of(std::string_view text, std::size_t offset,
                                 const std::string& file) {
  offset = std::min(offset, text.size());
  base::SourceLocation where{file, 1, 1};
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++where.line;
      where.column = 1;
    } else if (!is_continuation(text[i])) {
      ++where.column;
    }
  }
  return where;
}

bool check_text(std::string_view text, const std::string& file, base::Diagnostics& diagnostics) {
  const auto refuse = [&](std::size_t offset, std::string message) {
    diagnostics.error(location_of(text, offset, file), std::move(message));
    return false;
  };
  if (text.size() > kLargestFile) {
    return refuse(0, fmt::format("this file is too large for a scenario: at most {} KiB are read",
                                 kLargestFile >> 10U));
  }
  if (const auto problem = utf16_problem(text)) return refuse(0, *problem);
  if (const auto problem = encoding_problem(text)) return refuse(problem->offset, problem->message);
  std::string_view body = text;
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  if (is_blank(body)) return refuse(0, "this file is empty: nothing but blanks and comments");
  if (const auto tab = tab_in_indentation(text)) {
    return refuse(*tab, "a tab in the indentation: YAML counts spaces only");
  }
  return true;
}

}  // namespace windtunnel::scenarios
