// The arguments of one verb, over CLI11. Wrapped so that every verb behaves alike: a repeatable
// flag takes one value each time (never the file that follows it), a mistyped flag or choice is
// answered with the nearest one, numbers are read whole and in range, and every mistake is a
// UsageError.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::scenarios::cli {

// The command line makes no sense (exit 2). `verb` is empty where no verb was recognised.
class UsageError : public std::runtime_error {
 public:
  UsageError(std::string verb, const std::string& message)
      : std::runtime_error(message), verb_(std::move(verb)) {}
  const std::string& verb() const { return verb_; }

 private:
  std::string verb_;
};

// `--help` was asked for: the page goes to stdout, exit 0.
struct HelpRequested {
  std::string page;
};

struct CountRange {
  std::uint64_t least = 0;
  std::uint64_t most = UINT64_MAX;
};

struct HowMany {
  int least = 0;
  int most = -1;  // -1: any number
};

class Arguments {
 public:
  // `synopsis` and `description` head the help page.
  Arguments(std::string verb, std::string_view description);
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  // `names` as in "-o,--out"; targets must outlive parse().
  void flag(const std::string& names, bool& target, const std::string& help);
  void text(const std::string& names, std::string& target, const std::string& value_name,
            const std::string& help);
  void list(const std::string& names, std::vector<std::string>& target,
            const std::string& value_name, const std::string& help);
  void count(const std::string& names, std::optional<std::uint64_t>& target, CountRange range,
             const std::string& help);
  // One of `allowed`; `target` is set to the word.
  void choice(const std::string& names, std::string& target,
              const std::vector<std::string>& allowed, const std::string& help);
  void positional(const std::string& name, std::vector<std::string>& target, HowMany how_many,
                  const std::string& help);
  // Text below the options on the help page.
  void footer(const std::string& text);

  // Throws UsageError or HelpRequested.
  void parse(const std::vector<std::string>& arguments);

  const std::string& verb() const { return verb_; }

 private:
  struct Implementation;
  std::string verb_;
  std::unique_ptr<Implementation> implementation_;
};

// "'x' is not a KIND; did you mean 'y'?" with the whole list where nothing is near.
std::string unknown_word(std::string_view word, std::string_view kind,
                         const std::vector<std::string>& allowed);

}  // namespace windtunnel::scenarios::cli
