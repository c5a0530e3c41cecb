// What is wrong with a user's input: gathered, never thrown one by one, so that a file's errors come out
// all at once as `FILE:LINE:COL: error: ...`.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::base {

// A place in a text file; line and column count from 1, 0 means "not known".
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
};

enum class Severity { error, warning, note };

struct Diagnostic {
  Severity severity = Severity::error;
  SourceLocation where;
  std::string message;
};

// `file:line:col: error: message`; parts that are not known are left out.
std::string to_text(const Diagnostic& diagnostic);

class Diagnostics {
 public:
  void error(SourceLocation where, std::string message);
  void warning(SourceLocation where, std::string message);
  void add(Diagnostic diagnostic);
  void append(const Diagnostics& other);

  bool has_errors() const { return error_count_ > 0; }
  int error_count() const { return error_count_; }
  const std::vector<Diagnostic>& all() const { return all_; }
  // One line a diagnostic, in order of file, line and column.
  std::string to_text() const;

 private:
  std::vector<Diagnostic> all_;
  int error_count_ = 0;
};

// Input that cannot be used, where the caller has no Diagnostics to add to (exit 3).
class InputError : public std::exception {
 public:
  explicit InputError(Diagnostics diagnostics);
  InputError(SourceLocation where, std::string message);
  const Diagnostics& diagnostics() const { return diagnostics_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  Diagnostics diagnostics_;
  std::string text_;
};

// The candidate nearest to `word` by Damerau-Levenshtein distance, if it is near enough to be a slip of
// the finger (distance at most a third of the longer word, case ignored).
std::optional<std::string> nearest_name(std::string_view word,
                                        std::span<const std::string> candidates);

// "; did you mean 'x'?" or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace windtunnel::base
