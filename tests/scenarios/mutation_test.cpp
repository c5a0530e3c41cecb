// Whatever a file holds, loading it ends in a scenario or in errors with places, never in a crash,
// a hang or an error of our own. Mutations of valid files come closest to what users send.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "scenarios/library.hpp"
#include "sim/base/random.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

std::vector<std::string> seeds() {
  std::vector<std::string> texts{
      kSmall +
      "sweep: {cluster.nodes: [2, 4], zip: {engine.seed: [1, 2], workload.root: [0, 1]}}\n"
      "expect: {time_s: {max: 1s, when: {cluster.nodes: 4}}, steps: 14}\n"};
  for (const std::string& name : library_names("scenarios"))
    texts.emplace_back(*library_text("scenarios", name));
  for (const std::string& name : library_names("clusters")) {
    std::string indented = "  ";
    const std::string cluster(library_text("clusters", name).value());
    for (const char c : cluster) {
      indented += c;
      if (c == '\n') indented += "  ";
    }
    texts.push_back("cluster:\n" + indented + "\nworkload: {kind: collective, op: all_reduce}\n");
  }
  return texts;
}

std::size_t place(base::RandomStream& random, const std::string& text) {
  return static_cast<std::size_t>(random.below(static_cast<std::int64_t>(text.size()) + 1));
}

// One edit as hands and editors make them: a lost, doubled, swapped or foreign piece.
void edit(std::string& text, base::RandomStream& random) {
  constexpr std::array<std::string_view, 24> kPieces{":",
                                                     " ",
                                                     "\n",
                                                     "-",
                                                     "[",
                                                     "]",
                                                     "{",
                                                     "}",
                                                     "'",
                                                     "\"",
                                                     "#",
                                                     "&a ",
                                                     "*a",
                                                     "!",
                                                     "\t",
                                                     "0",
                                                     "-1",
                                                     "1e400",
                                                     "\xff",
                                                     "use: dgx-h100",
                                                     "null",
                                                     "~",
                                                     "99999999999999999999",
                                                     "0-999999999"};
  const std::size_t at = place(random, text);
  const auto length = static_cast<std::size_t>(random.below(12));
  switch (random.below(4)) {
    case 0:
      text.erase(std::min(at, text.size()), length);
      break;
    case 1:
      text.insert(at, text.substr(place(random, text), length));
      break;
    case 2:
      text.insert(at, kPieces[static_cast<std::size_t>(random.below(kPieces.size()))]);
      break;
    default:
      if (at < text.size()) text[at] = static_cast<char>(random.below(256));
  }
}

void expect_sound(const std::string& text) {
  try {
    const Loaded loaded = load_text(text);
    EXPECT_NE(loaded.scenario.has_value(), loaded.diagnostics.has_errors()) << text;
    for (const base::Diagnostic& one : loaded.diagnostics.all()) {
      EXPECT_FALSE(one.where.file.empty()) << one.message;
      EXPECT_GT(one.where.line, 0) << one.message << "\n" << text;
    }
  } catch (const NotBuilt&) {
    // A mutation may well spell a kind that is not built.
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "\n" << text;
  }
}

TEST(Mutation, OfAValidFileIsAScenarioOrErrorsWithPlaces) {
  base::RandomStream random(1, "mutations");
  const std::vector<std::string> texts = seeds();
  for (int round = 0; round < 3000; ++round) {
    std::string text =
        texts[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(texts.size())))];
    const std::int64_t edits = 1 + random.below(4);
    for (std::int64_t i = 0; i < edits; ++i) edit(text, random);
    expect_sound(text);
  }
}

TEST(Mutation, EveryPrefixOfAFileIsAScenarioOrErrorsWithPlaces) {
  const std::string text = seeds().front();
  for (std::size_t length = 0; length <= text.size(); ++length)
    expect_sound(text.substr(0, length));
}

// Each line taken out in turn: a required key goes missing, a list loses its head.
TEST(Mutation, AFileWithoutOneOfItsLinesIsAScenarioOrErrorsWithPlaces) {
  for (const std::string& text : seeds()) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
      expect_sound(text.substr(0, begin) + text.substr(end));
      begin = end;
    }
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
