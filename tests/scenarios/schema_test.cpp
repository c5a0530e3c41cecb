// The tables: complete, consistent with the structs they fill, and the source of schema and
// reference page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "scenarios/document/parse.hpp"
#include "scenarios/library.hpp"
#include "scenarios/schema/json_schema.hpp"
#include "scenarios/schema/reference.hpp"
#include "scenarios/schema/resolve.hpp"
#include "scenarios/schema/tables.hpp"
#include "tests/scenarios/json_schema_check.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using Json = nlohmann::ordered_json;
using testing::IsEmpty;
using testing::Not;

// The number of members of an aggregate: the most values that it can be initialised from.
struct Anything {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor): stands for any member
};
template <class T, class... Values>
consteval std::size_t members_of() {
  if constexpr (requires { T{Values{}..., Anything{}}; }) {
    return members_of<T, Values..., Anything>();
  } else {
    return sizeof...(Values);
  }
}

std::size_t bound_fields(const Structure& table) {
  std::size_t count = 0;
  for (const Field& field : table.fields) count += field.bind ? 1 : 0;
  return count;
}

// A member that no table row sets is either parsed nowhere or set by name here.
TEST(Schema, EveryMemberOfAStructHasItsRow) {
  EXPECT_EQ(bound_fields(gpu_structure()), members_of<sim::Gpu>());
  EXPECT_EQ(bound_fields(scale_up_structure()), members_of<sim::ScaleUp>());
  EXPECT_EQ(bound_fields(nics_structure()), members_of<sim::Nics>());
  EXPECT_EQ(bound_fields(node_structure()), members_of<sim::Node>());
  EXPECT_EQ(bound_fields(fabric_structure()), members_of<sim::Fabric>());
  EXPECT_EQ(bound_fields(cost_structure()), members_of<sim::Cost>());
  // `first` and `last` are one key, `nodes`.
  EXPECT_EQ(bound_fields(node_override_structure()) + 1, members_of<sim::NodeOverride>());
  // explicit_network comes from an imported file.
  EXPECT_EQ(bound_fields(cluster_structure()) + 1, members_of<sim::Cluster>());
  // `ranks` and `groups` become `groups`, with the cluster at hand.
  EXPECT_EQ(bound_fields(collective_structure()) + 1, members_of<strategies::CollectiveWorkload>());
  EXPECT_EQ(bound_fields(engine_structure()), members_of<EngineChoice>());
  EXPECT_EQ(bound_fields(size_range_structure()), members_of<SizeRange>());
}

TEST(Schema, NoKeyIsThereTwiceAndEveryFieldIsExplained) {
  for (const Structure* table : all_structures()) {
    EXPECT_THAT(table->doc, Not(IsEmpty()));
    std::set<std::string> keys;
    for (const Field& field : table->fields) {
      EXPECT_TRUE(keys.insert(field.name).second) << table->name << "." << field.name;
      for (const std::string& alias : field.aliases)
        EXPECT_TRUE(keys.insert(alias).second) << alias;
      EXPECT_THAT(field.doc, Not(IsEmpty())) << table->name << "." << field.name;
      EXPECT_FALSE(field.required && field.fallback) << table->name << "." << field.name;
    }
  }
}

TEST(Schema, EveryDefaultIsAValueOfItsType) {
  for (const Structure* table : all_structures()) {
    for (const Field& field : table->fields) {
      if (!field.fallback) continue;
      base::Diagnostics diagnostics;
      resolve(field.fallback_node, field.type, field.name, diagnostics);
      EXPECT_FALSE(diagnostics.has_errors())
          << table->name << "." << field.name << diagnostics.to_text();
    }
  }
}

TEST(Schema, HasTheFieldsOfTheContract) {
  const auto has = [](const Structure& table, std::vector<std::string> keys) {
    for (const std::string& key : keys)
      EXPECT_NE(table.field(key), nullptr) << table.name << "." << key;
  };
  has(scenario_structure(), {"schema", "name", "description", "cluster", "model", "workload",
                             "strategy", "calibration", "engine", "sweep", "expect", "search"});
  has(cluster_structure(),
      {"name", "nodes", "node", "fabric", "cost", "heterogeneous", "stragglers", "failures"});
  has(node_structure(), {"gpus", "gpu", "scale_up", "nics"});
  has(scale_up_structure(), {"kind", "bandwidth", "latency", "links", "size"});
  has(nics_structure(), {"count", "bandwidth", "latency"});
  has(fabric_structure(), {"kind", "levels", "radix", "oversubscription", "rail_optimized",
                           "switch_latency", "bandwidth", "groups", "routers", "hosts", "dims"});
  has(cost_structure(), {"gpu_hour", "pue", "power_price"});
  has(gpu_structure(), {"memory", "memory_bandwidth", "power"});
  has(collective_structure(),
      {"kind", "op", "algorithms", "algorithm", "sizes", "ranks", "groups", "channels", "chunk"});
  has(size_range_structure(), {"from", "to", "factor"});
  has(engine_structure(), {"kind", "seed", "ranks"});
  has(expectation_structure(), {"value", "tolerance", "min", "max", "source", "when"});
}

TEST(Schema, TheReferencePageIsCurrent) {
  const std::string path = WINDTUNNEL_SOURCE_DIR "/scenarios/REFERENCE.md";
  if (std::getenv("WINDTUNNEL_ACCEPT") != nullptr) std::ofstream(path) << reference_page();
  EXPECT_EQ(bytes_of_file(path), reference_page())
      << "write it anew: WINDTUNNEL_ACCEPT=1 build/tests/tests_scenarios "
         "--gtest_filter='Schema.TheReference*'";
}

Json json_of(const Node& node) {
  if (node.kind == NodeKind::sequence) {
    Json out = Json::array();
    for (const Node& item : node.items) out.push_back(json_of(item));
    return out;
  }
  if (node.kind == NodeKind::mapping) {
    Json out = Json::object();
    for (const Entry& entry : node.entries) out[entry.key] = json_of(entry.value);
    return out;
  }
  if (node.kind != NodeKind::scalar) return nullptr;
  const Json parsed = node.quoted ? Json(node.text) : Json::parse(node.text, nullptr, false);
  return parsed.is_discarded() ? Json(node.text) : parsed;
}

Json json_of(std::string_view yaml) {
  base::Diagnostics diagnostics;
  const auto root = parse_yaml(yaml, "test.yaml", diagnostics);
  EXPECT_TRUE(root) << diagnostics.to_text();
  return root ? json_of(*root) : Json();
}

TEST(JsonSchema, TakesEveryScenarioOfTheLibraryAndItsResolvedForm) {
  const Json schema = Json::parse(json_schema());
  EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  for (const std::string& name : library_names("scenarios")) {
    const std::string text(*library_text("scenarios", name));
    EXPECT_THAT(schema_violations(json_of(text), schema), IsEmpty()) << name;
    const Loaded loaded = load_text(text);
    ASSERT_TRUE(loaded.scenario) << loaded.errors();
    EXPECT_THAT(schema_violations(json_of(loaded.scenario->resolved_yaml), schema), IsEmpty())
        << name;
  }
}

TEST(JsonSchema, TakesEveryClusterAndGpuOfTheLibrary) {
  const Json schema = Json::parse(json_schema());
  for (const std::string& name : library_names("clusters")) {
    Json document = json_of(kSmall);
    document["cluster"] = json_of(*library_text("clusters", name));
    EXPECT_THAT(schema_violations(document, schema), IsEmpty()) << name;
  }
  for (const std::string& name : library_names("gpus")) {
    Json document = json_of(kSmall);
    document["cluster"]["gpu"] = json_of(*library_text("gpus", name));
    document["cluster"]["node"]["gpu"] = json_of(*library_text("gpus", name));
    EXPECT_THAT(schema_violations(document, schema), IsEmpty()) << name;
  }
}

TEST(JsonSchema, FlagsWhatTheLoaderFlags) {
  const Json schema = Json::parse(json_schema());
  for (const std::string_view change :
       {"calibraton: none\n", "strategy: {tensr: 8}\n", "engine: simgrd\n", "engine: {seed: -1}\n",
        "expect: {time_s: {valu: 1}}\n"}) {
    const std::string text = kSmall + std::string(change);
    EXPECT_THAT(schema_violations(json_of(text), schema), Not(IsEmpty())) << change;
    EXPECT_FALSE(load_text(text).scenario) << change;
  }
  Json cluster = json_of(kSmall);
  for (const std::string_view broken :
       {"{nodes: 0}", "{nodes: many}", "{fabric: {kind: fat_tre}}", "{colour: red}",
        "{node: {nics: {bandwidth: 400}}}", "{stragglers: {slow: [{slowdown: 0.5}]}}"}) {
    cluster["cluster"] = json_of(broken);
    EXPECT_THAT(schema_violations(cluster, schema), Not(IsEmpty())) << broken;
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
