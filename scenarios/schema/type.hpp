// What a scenario may say, as data: one Structure (a table of Fields) per C++ struct. The same
// tables check and bind a scenario, fill its defaults, and write the JSON Schema and the reference
// page, so that these cannot differ.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/document/node.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::scenarios {

struct Structure;

// One word that a field may be, and what it means.
struct Choice {
  std::string value;
  std::string doc;
};

enum class TypeKind {
  text,
  boolean,
  integer,
  number,
  quantity,    // a number with its unit, of `dimension`
  choice,      // one of `choices`
  percentage,  // "10%" or 0.1
  index_item,  // a whole number from 0, or a range of them: 3, 0-7, 0-127/8 (every eighth)
  index_list,  // one index_item or a list of them
  amount,      // a number, or a quantity of any dimension (a fact's value)
  list,        // of `element`; one element may stand without its brackets
  map,         // from any key to `element`
  structure,
  either,  // the first of `alternatives` that a value of this shape can be
  anything
};

// Bounds of numbers (of a quantity: in SI units). An exclusive minimum is not itself allowed.
struct Limits {
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool exclusive_minimum = false;
};

struct Type {
  TypeKind kind = TypeKind::text;
  base::Dimension dimension = base::Dimension::bytes;
  bool whole = false;  // quantity: a whole number of its SI unit (bytes)
  Limits limits{};
  std::vector<Choice> choices{};  // map: the keys it may have; empty: any
  // Turns another usual spelling of a choice into the one in `choices`; null where there is none.
  std::optional<std::string> (*canonical)(std::string_view) = nullptr;
  std::vector<Choice> keywords{};  // words that may stand in place of a value: auto, all
  std::shared_ptr<const Type> element{};
  std::size_t least_items = 0;
  std::size_t most_items = std::numeric_limits<std::size_t>::max();
  const Structure& (*structure)() = nullptr;
  bool path =
      false;  // text: a file, relative to the one it is written in, where it ends in .yaml or .xml
  std::vector<Type> alternatives{};

  const Choice* keyword(const Node& node) const;  // the keyword that a scalar is, or null
};

Type text_type();
Type boolean_type();
Type integer_type(double minimum, double maximum = 2147483647.0);
Type number_type(Limits limits);
Type quantity_type(base::Dimension dimension, Limits limits = {.minimum = 0.0});
Type choice_type(std::vector<Choice> choices);
Type list_type(Type element, std::size_t least_items = 0);
Type map_type(Type element);
Type path_type();
Type structure_type(const Structure& (*structure)());
Type either_type(std::vector<Type> alternatives);
Type type_of_kind(TypeKind kind);
// The same type, where these words may stand as well.
Type or_keyword(Type type, std::vector<Choice> keywords);

// The alternative of an `either` that a value of this shape is meant as; the type itself where it
// is none; null where no alternative can be it.
const Type* alternative_for(const Type& type, const Node& node);

// One key of a mapping.
struct Field {
  std::string name{};
  Type type{};
  std::optional<std::string> fallback{};  // default, as YAML; none: required, or simply absent
  bool required = false;
  std::string doc{};
  std::vector<std::string> aliases{};   // other spellings of the key
  std::vector<std::string> only_for{};  // values of the structure's `kind` that have it; empty: all
  std::string refusal{};  // a key that is known but cannot be used yet: the sentence that says so
  // Sets the member of the bound struct from a checked value; null for what is bound elsewhere or
  // is documentation only.
  std::function<void(const Node&, void*)> bind{};
  // The member as a value, for a cluster that is imported; null pointer or nothing: left out.
  std::function<std::optional<Node>(const void*)> write{};
  Node fallback_node{};  // `fallback`, parsed

  bool applies_to(std::string_view kind) const;
};

struct Structure {
  std::string name{};  // "cluster.fabric": where it stands, for errors and the reference page
  std::string doc{};
  std::vector<Field> fields{};
  std::string short_for{};      // a scalar stands for {short_for: scalar}; empty: no short form
  std::string library{};        // "clusters": a scalar, or `use`, names an entry of this library
  std::string selected_by{};    // as an alternative: taken where this key is present
  std::string selected_kind{};  // or where `kind` is this word; with both, the `kind` of that key
  // Keys that name where the rest comes from (use, nccl_topo); expand() has put their content in
  // place before a mapping is resolved.
  std::vector<Choice> bases{};
  // A key that is short for a deeper one: {"gpu", "node.gpu"}.
  std::vector<std::pair<std::string, std::string>> forwards{};

  const Field* field(std::string_view key) const;  // by name or alias
  std::vector<std::string> keys() const;           // names only
};

// Parses the fallbacks of a table; every table passes through here once.
Structure finished(Structure structure);

// Sets the members of `object` from a mapping that resolve() returned without errors.
void bind_structure(const Structure& structure, const Node& resolved, void* object);
Node write_structure(const Structure& structure, const void* object);

}  // namespace windtunnel::scenarios
