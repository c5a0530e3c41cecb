// YAML text to a Node tree and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "scenarios/document/parse.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/document/write.hpp"

namespace windtunnel::scenarios {
namespace {

using testing::HasSubstr;

Node parsed(std::string_view text) {
  base::Diagnostics diagnostics;
  auto node = parse_yaml(text, "t.yaml", diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_text();
  return node.value_or(Node{});
}

std::string errors_of(std::string_view text) {
  base::Diagnostics diagnostics;
  parse_yaml(text, "t.yaml", diagnostics);
  return diagnostics.to_text();
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST(Document, KeepsOrderTextAndQuotes) {
  const Node root = parsed("b: 1\na: '2'\nc: [x, \"y\"]\n");
  ASSERT_EQ(root.entries.size(), 3U);
  EXPECT_EQ(root.entries[0].key, "b");
  EXPECT_EQ(root.find("a")->text, "2");
  EXPECT_TRUE(root.find("a")->quoted);
  EXPECT_FALSE(root.find("b")->quoted);
  EXPECT_TRUE(root.find("c")->items[1].quoted);
}

TEST(Document, CountsLinesAndColumnsFromOne) {
  const Node root = parsed("a: 1\nmap:\n  key: [10, {inner: 20}]\n");
  const Node& list = *root.find("map")->find("key");
  EXPECT_EQ(root.entries[1].where.line, 2);
  EXPECT_EQ(root.entries[1].where.column, 1);
  EXPECT_EQ(list.where.line, 3);
  EXPECT_EQ(list.where.column, 8);
  EXPECT_EQ(list.items[1].find("inner")->where.column, 21);
}

TEST(Document, CountsColumnsInCharactersNotBytes) {
  const Node root = parsed("{größe: ä, x: 1}\n");
  EXPECT_EQ(root.entries[1].where.column, 12);
}

TEST(Document, PutsAMissingValueAtItsKey) {
  const Node root = parsed("a:\n\n\nb: 1\n");
  EXPECT_EQ(root.find("a")->kind, NodeKind::null);
  EXPECT_EQ(root.find("a")->where.line, 1);
}

TEST(Document, TakesAByteOrderMarkAndWindowsLineEnds) {
  const Node root = parsed(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  EXPECT_EQ(root.find("a")->text, "1");
  EXPECT_EQ(root.find("b")->text, "2");
  EXPECT_EQ(root.entries[1].where.line, 2);
}

TEST(Document, TakesTabsInsideABlockOfText) {
  EXPECT_EQ(parsed("a: |\n  x\n  \ty\nb: 1\n").find("a")->text, "x\n\ty\n");
}

TEST(Document, ReportsEveryDuplicateKeyAndReadsOn) {
  base::Diagnostics diagnostics;
  const auto root = parse_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n", "t.yaml", diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 3);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("a")->text, "1");
}

TEST(Document, SaysWhereAQuoteWasOpened) {
  EXPECT_THAT(errors_of("a: 1\nb: 'it''s\nc: 2\n"),
              HasSubstr("t.yaml:2:4: error: not YAML: a quote"));
  EXPECT_THAT(errors_of("b: \"x\\\"\nc: 2\n"), HasSubstr("t.yaml:1:4: error: not YAML: a quote"));
  EXPECT_EQ(parsed("b: 'it''s'\n").find("b")->text, "it's");
  EXPECT_EQ(parsed("b: \"x\\\\\"\n").find("b")->text, "x\\");
}

// A file of the largest size that is read, in the shapes that are hard on parsers, takes seconds at
// most. The limit is generous because sanitizers slow this down tenfold.
TEST(Document, AnyFileOfTheLargestSizeIsReadInSeconds) {
  const auto repeated = [](std::string_view piece) {
    std::string text;
    while (text.size() + piece.size() < kLargestFile) text += piece;
    return text;
  };
  std::string keys;
  for (int i = 0; keys.size() < kLargestFile - 64; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  for (const std::string& text :
       {repeated("["), repeated("{a: "), repeated("- "), repeated("a: "), repeated("a,"), keys,
        "[" + repeated("1, ") + "1]", "a: [" + repeated("&a *a, "), repeated("? "), repeated("'"),
        repeated("a: |\n"), repeated("!a "), repeated("\"\\")}) {
    EXPECT_LT(seconds_of([&] { errors_of(text); }), 20.0) << text.substr(0, 20);
  }
}

TEST(Document, WhatIsWrittenIsReadBackTheSame) {
  const Node root = parsed(R"(plain: some words here
number: -1.5
quoted: "true"
tricky: ["a: b", "# c", "", "null", "- d", "[e", "f\ng", "\t", "h\\i\"", "100%", "$2.5/h", "é"]
empty: {}
none: []
null_value: null
list: [{a: 1, b: [2, 3]}, {c: {d: 4}}]
nested: {deep: {er: [1, [2, 3]]}}
"odd: key": 1
)");
  const std::string once = to_yaml(root);
  const Node again = parsed(once);
  EXPECT_EQ(to_yaml(again), once);
  EXPECT_EQ(to_flow_yaml(again), to_flow_yaml(root));
  const Node* tricky = again.find("tricky");
  ASSERT_EQ(tricky->items.size(), 12U);
  for (std::size_t i = 0; i < tricky->items.size(); ++i) {
    EXPECT_EQ(tricky->items[i].text, root.find("tricky")->items[i].text);
    EXPECT_EQ(tricky->items[i].kind, NodeKind::scalar);
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
