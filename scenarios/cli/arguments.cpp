#include "scenarios/cli/arguments.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios::cli {

struct Arguments::Implementation {
  CLI::App app;
  struct Positional {
    std::string name;
    std::vector<std::string>* target;
    HowMany how_many;
  };
  std::vector<Positional> positionals;
};

namespace {

std::vector<std::string> long_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The part of a mistyped flag that names it: "--enginee" of "--enginee=simgrid".
std::string flag_word(const std::string& argument) {
  return argument.substr(0, argument.find('='));
}

std::string extra_message(const CLI::App& app, const std::vector<std::string>& extras) {
  for (const std::string& extra : extras) {
    if (extra.size() > 1 && extra.front() == '-') {
      const std::string word = flag_word(extra);
      const std::vector<std::string> known = long_names(app);
      return fmt::format("there is no flag '{}'{}", word, base::did_you_mean(word, known));
    }
  }
  return fmt::format("unexpected argument '{}'", extras.front());
}

std::uint64_t parse_count(const std::string& text, CountRange range) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && value >= range.least && value <= range.most) {
    return value;
  }
  std::string wanted = fmt::format("a whole number of at least {}", range.least);
  if (range.most != UINT64_MAX)
    wanted = fmt::format("a whole number from {} to {}", range.least, range.most);
  throw CLI::ValidationError(fmt::format("'{}' is not {}", text, wanted));
}

}  // namespace

std::string unknown_word(std::string_view word, std::string_view kind,
                         const std::vector<std::string>& allowed) {
  const std::string near = base::did_you_mean(word, allowed);
  if (!near.empty()) return fmt::format("'{}' is not {}{}", word, kind, near);
  return fmt::format("'{}' is not {} ({})", word, kind, fmt::join(allowed, ", "));
}

Arguments::Arguments(std::string verb, std::string_view description)
    : verb_(std::move(verb)), implementation_(std::make_unique<Implementation>()) {
  implementation_->app.description(std::string(description));
  implementation_->app.name("windtunnel " + verb_);
  implementation_->app.set_help_flag("-h,--help", "print this page");
  implementation_->app.get_formatter()->column_width(34);
}

Arguments::~Arguments() = default;

void Arguments::flag(const std::string& names, bool& target, const std::string& help) {
  implementation_->app.add_flag(names, target, help)->disable_flag_override();
}

void Arguments::text(const std::string& names, std::string& target, const std::string& value_name,
                     const std::string& help) {
  implementation_->app.add_option(names, target, help)->option_text(value_name);
}

void Arguments::list(const std::string& names, std::vector<std::string>& target,
                     const std::string& value_name, const std::string& help) {
  implementation_->app.add_option(names, target, help)
      ->allow_extra_args(false)
      ->option_text(value_name + " ...");
}

void Arguments::count(const std::string& names, std::optional<std::uint64_t>& target,
                      CountRange range, const std::string& help) {
  const std::function<void(const std::string&)> read = [&target, range](const std::string& text) {
    target = parse_count(text, range);
  };
  implementation_->app.add_option_function<std::string>(names, read, help)->option_text("N");
}

void Arguments::choice(const std::string& names, std::string& target,
                       const std::vector<std::string>& allowed, const std::string& help) {
  const auto check = [allowed](const std::string& word) {
    for (const std::string& candidate : allowed) {
      if (candidate == word) return std::string();
    }
    return unknown_word(word, "a choice", allowed);
  };
  implementation_->app.add_option(names, target, help)
      ->option_text(fmt::format("{}", fmt::join(allowed, "|")))
      ->check(check);
}

void Arguments::positional(const std::string& name, std::vector<std::string>& target,
                           HowMany how_many, const std::string& help) {
  CLI::Option* option = implementation_->app.add_option(name, target, help);
  option->option_text(how_many.most == 1 || how_many.most == how_many.least ? " " : "...");
  if (how_many.most == 1) option->expected(how_many.least, 1);
  if (how_many.least > 0) option->required();
  implementation_->positionals.push_back({name, &target, how_many});
}

void Arguments::footer(const std::string& text) {
  implementation_->app.footer(text);
}

void Arguments::parse(const std::vector<std::string>& arguments) {
  CLI::App& app = implementation_->app;
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    throw HelpRequested{app.help()};
  } catch (const CLI::ExtrasError&) {
    throw UsageError(verb_, extra_message(app, app.remaining()));
  } catch (const CLI::ParseError& error) {
    throw UsageError(verb_, error.what());
  }
  for (const auto& [name, target, how_many] : implementation_->positionals) {
    const int count = static_cast<int>(target->size());
    if (count < how_many.least) {
      throw UsageError(verb_, fmt::format("{} is required: {} given", name, count));
    }
    if (how_many.most >= 0 && count > how_many.most) {
      throw UsageError(verb_, fmt::format("unexpected argument '{}'",
                                          (*target)[static_cast<std::size_t>(how_many.most)]));
    }
  }
}

}  // namespace windtunnel::scenarios::cli
