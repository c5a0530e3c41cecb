// `model:` of a scenario: a name, a config.json, a mapping of figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "models/networks/counts.hpp"
#include "models/networks/library.hpp"
#include "scenarios/document/parse.hpp"
#include "scenarios/import_model.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/model_table.hpp"
#include "scenarios/schema/resolve.hpp"

namespace windtunnel::scenarios {
namespace {

using ::testing::HasSubstr;

std::optional<models::Model> load(const std::string& yaml, std::string* errors = nullptr) {
  base::Diagnostics diagnostics;
  const auto root = parse_yaml(yaml, "my.yaml", diagnostics);
  EXPECT_TRUE(root.has_value()) << diagnostics.to_text();
  auto model = root ? load_model(*root->find("model"), diagnostics) : std::nullopt;
  if (errors != nullptr) {
    *errors = diagnostics.to_text();
  } else {
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_text();
  }
  return model;
}

std::int64_t count(const models::Model& model) {
  return parameters(build_network(model));
}

TEST(ModelOfAScenario, IsALibraryNameInAnySpelling) {
  for (const char* spelling : {"llama3-70b", "LLAMA3_70B", "meta-llama/Llama-3-70B"}) {
    const auto model = load(std::string("model: ") + spelling + "\n");
    ASSERT_TRUE(model.has_value()) << spelling;
    EXPECT_EQ(model->name, "llama3-70b");
  }
}

TEST(ModelOfAScenario, OfEveryLibraryNameIsTheLibrarysModel) {
  for (const std::string& name : models::model_names()) {
    const auto model = load("model: " + name + "\n");
    ASSERT_TRUE(model.has_value()) << name;
    EXPECT_EQ(count(*model), count(*models::model_by_name(name))) << name;
  }
}

TEST(ModelOfAScenario, IsALibraryModelWithWhatDiffers) {
  const auto model =
      load("model: {use: deepseek-v3, layers: 4, moe: {experts: 64}, mtp_layers: 1}\n");
  ASSERT_TRUE(model.has_value());
  const auto& t = std::get<models::Transformer>(model->architecture);
  EXPECT_EQ(t.layers, 4);
  EXPECT_EQ(t.moe.experts, 64);
  EXPECT_EQ(t.moe.top_k, 8);  // of the base
  EXPECT_EQ(t.mtp_layers, 1);
}

TEST(ModelOfAScenario, IsAMappingOfItsFigures) {
  const auto model = load(
      "model:\n"
      "  name: my-gpt\n"
      "  layers: 24\n"
      "  hidden: 1024\n"
      "  heads: 16\n"
      "  vocab: 50257\n"
      "  max_positions: 1024\n"
      "  tied_embeddings: true\n"
      "  biases: {qkv: true, attention_output: true, mlp: true, norm: true}\n");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->name, "my-gpt");
  EXPECT_EQ(count(*model), 354823168);  // GPT-2 medium
}

TEST(ModelOfAScenario, OfOtherKindsHasTheirFigures) {
  const auto lstm = load("model: {kind: recurrent, layers: 2, hidden: 650, vocab: 10000}\n");
  ASSERT_TRUE(lstm.has_value());
  const auto net = load("model: {kind: convolutional, family: resnet, stages: [3, 4, 23, 3]}\n");
  ASSERT_TRUE(net.has_value());
  EXPECT_EQ(count(*net), 44549160);  // ResNet-101
  const auto line = load("model: {kind: feed_forward, features: 20, widths: [1]}\n");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(count(*line), 21);
}

TEST(ModelOfAScenario, IsAConfigJson) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "windtunnel-model";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "config.json").string();
  std::ofstream(path) << R"({"model_type": "llama", "hidden_size": 4096, "vocab_size": 128256,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "max_position_embeddings": 131072})";
  const auto model = load("model: {hf: " + path + "}\n");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(count(*model), count(*models::model_by_name("llama3.1-8b")));
  const auto half = load("model: {hf: " + path + ", layers: 16}\n");
  ASSERT_TRUE(half.has_value());
  EXPECT_EQ(std::get<models::Transformer>(half->architecture).layers, 16);
  std::ofstream(path) << R"({"model_type": "llama"})";
  std::string errors;
  EXPECT_FALSE(load("model: {hf: " + path + "}\n", &errors));
  EXPECT_THAT(errors, HasSubstr("config.json:1:1: error: the key 'num_hidden_layers' is missing"));
  std::filesystem::remove_all(folder);
  EXPECT_FALSE(load("model: {hf: nowhere/config.json}\n", &errors));
  EXPECT_THAT(errors, HasSubstr("my.yaml:1:13: error: "));
}

TEST(ModelOfAScenario, ThatIsWrongIsSaidWhereItStands) {
  struct Case {
    const char* yaml;
    const char* says;
  };
  for (const Case& one : {
           Case{"model: llama3-71b\n",
                "my.yaml:1:8: error: there is no model 'llama3-71b' in the library; did you mean "
                "'llama3-70b'?"},
           Case{"model: {layers: 2, hidden: 8, heads: 2, vocab: 5, layerz: 3}\n",
                "my.yaml:1:51: error: unknown"},
           Case{"model: {layers: two, hidden: 8, heads: 2, vocab: 5}\n", "my.yaml:1:17: error: "},
           Case{"model:\n  layers: 2\n  heads: 2\n  vocab: 5\n", "my.yaml:2:3: error: "},
           Case{"model:\n  layers: 2\n  hidden: 64\n  heads: 8\n  kv_heads: 3\n  vocab: 5\n",
                "my.yaml:5:13: error: model.kv_heads is 3, which does not divide heads = 8"},
           Case{"model: {use: mixtral-8x7b, moe: {top_k: 9}}\n",
                "my.yaml:1:41: error: model.moe.top_k is 9, more than the 8 experts"},
           Case{"model: {kind: recurrent, layers: 2, hidden: 8, heads: 2}\n",
                "my.yaml:1:48: error: "},
           Case{"model: {use: llama3-8b, hf: config.json}\n", "exclude each other"},
       }) {
    std::string errors;
    EXPECT_FALSE(load(one.yaml, &errors).has_value()) << one.yaml;
    EXPECT_THAT(errors, HasSubstr(one.says)) << one.yaml;
  }
}

// A model that was written out loads to itself.
TEST(ModelOfAScenario, WrittenOutLoadsToItself) {
  for (const std::string& name : models::model_names()) {
    const models::Model model = *models::model_by_name(name);
    base::Diagnostics diagnostics;
    const auto again = load_model(model_node(model, {.file = "x.yaml"}), diagnostics);
    ASSERT_TRUE(again.has_value()) << name << diagnostics.to_text();
    EXPECT_EQ(again->name, name);
    EXPECT_EQ(again->description, model.description);
    EXPECT_EQ(count(*again), count(model)) << name;
  }
}

TEST(ModelTable, HasEachKeyOnceAndExplainsIt) {
  for (const Structure* table : model_structures()) {
    std::set<std::string> keys;
    EXPECT_FALSE(table->doc.empty());
    for (const Field& field : table->fields) {
      EXPECT_TRUE(keys.insert(field.name).second) << table->name << "." << field.name;
      EXPECT_FALSE(field.doc.empty()) << table->name << "." << field.name;
      if (!field.fallback) continue;
      base::Diagnostics diagnostics;
      resolve(field.fallback_node, field.type, field.name, diagnostics);
      EXPECT_FALSE(diagnostics.has_errors()) << field.name << diagnostics.to_text();
    }
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
