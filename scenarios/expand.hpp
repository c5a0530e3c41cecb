// Puts in place what a scenario only names: library entries and files by `use` (or by a bare name),
// files to import, short forms, aliases of keys. After it, every path of the scenario exists as a
// mapping, so that sweeps and --set can address it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/document/node.hpp"
#include "scenarios/schema/type.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// Model: `use: NAME` with further keys is NAME's mapping with those keys laid over it, mapping by
// mapping; where a key `kind` changes, fields of the base that the new kind does not have are
// dropped. A file's `use` may itself use another; a cycle is an error. Files are relative to the
// one that names them.
class Expander {
 public:
  // `scenario_file` itself cannot be used by what it uses.
  Expander(const std::string& scenario_file, base::Diagnostics& diagnostics);

  // In place. What cannot be found becomes `invalid`, with an error. Doing it again changes
  // nothing.
  void expand(Node& node, const Type& type);

 private:
  void expand_structure(Node& node, const Structure& structure);
  void expand_fields(Node& mapping, const Structure& structure);
  void canonical_keys(Node& mapping, const Structure& structure);
  void apply_base(Node& mapping, const Structure& structure, const Choice& base_key);
  void overlay(Node& base, Node over, const Structure& structure);
  void overlay_field(Node& base, Entry entry, const Field* field);
  Node named(const Node& reference, const Structure& structure);
  struct Source;
  Node loaded(const Node& reference, const Structure& structure, const Source& source);
  Node imported(const Node& reference, const std::string& key);
  Node import_with_own_mtp(const Node& reference);
  Node refuse(const Node& node, std::string message);

  base::Diagnostics& diagnostics_;
  std::map<std::string, Node> known_;  // files and library entries, expanded
  struct OpenFile {
    std::string key;    // absolute path, or that of the library entry
    std::string shown;  // as messages name it
  };
  std::vector<OpenFile> open_;  // those being expanded, outermost first
};

// Drops the fields of a mapping that its table has for other kinds only.
void drop_fields_of_other_kinds(Node& mapping, const Structure& structure, std::string_view kind);

// A path as seen from the file that names it; from the working directory for --set and stdin.
std::string beside(const std::string& path, const std::string& naming_file);
// The same, absolute, so that it holds wherever a resolved scenario is put.
std::string absolute_beside(const std::string& path, const std::string& naming_file);

}  // namespace windtunnel::scenarios
