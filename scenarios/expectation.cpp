#include "scenarios/expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "reports/unit.hpp"
#include "scenarios/document/write.hpp"
#include "scenarios/known_facts.hpp"
#include "scenarios/path.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {

using base::Dimension;

std::optional<base::Dimension> dimension_of_fact(std::string_view fact) {
  constexpr std::array<std::pair<std::string_view, Dimension>, 6> kEndings{
      {{"bytes_per_s", Dimension::bandwidth},
       {"flops_per_gpu_per_s", Dimension::flop_rate},
       {"_per_s", Dimension::rate},
       {"_s", Dimension::time},
       {"bytes", Dimension::bytes},
       {"_j", Dimension::energy}}};
  for (const auto& [ending, dimension] : kEndings) {
    if (fact.ends_with(ending)) return dimension;
  }
  if (fact.ends_with("_usd")) return Dimension::money;
  return std::nullopt;
}

namespace {

constexpr double kDefaultTolerance = 0.01;

// Paths whose value differs from case to case within one point, as the cases' parameters spell
// them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kCasePaths{
    {{"workload.op", "workload.op"},
     {"workload.algorithms", "workload.algorithm"},
     {"workload.sizes", "workload.size"}}};

std::optional<double> plain_number(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class ExpectationReader {
 public:
  ExpectationReader(const Node& root, base::Diagnostics& diagnostics)
      : root_(root), diagnostics_(diagnostics) {}

  std::optional<Expectation> read(const std::string& fact, const Node& node) {
    if (has_invalid(node)) return std::nullopt;
    const int errors_before = diagnostics_.error_count();
    check_fact(fact, node);
    if (diagnostics_.error_count() != errors_before) return std::nullopt;
    Expectation out;
    out.fact = fact;
    out.where = node.where;
    out.value = amount(node, "value", fact);
    out.minimum = amount(node, "min", fact);
    out.maximum = amount(node, "max", fact);
    check_shape(node, out);
    out.tolerance = kDefaultTolerance;
    if (const Node* when = node.find("when")) read_when(*when, out);
    if (diagnostics_.error_count() != errors_before) return std::nullopt;
    bind_structure(expectation_structure(), node, &out);
    return out;
  }

 private:
  static std::vector<std::pair<std::string, std::string>> jobs_of(const Node& mix) {
    std::vector<std::pair<std::string, std::string>> out;
    const Node* jobs = mix.find("jobs");
    if (jobs == nullptr) return out;
    for (const Node& job :
         jobs->kind == NodeKind::sequence ? jobs->items : std::vector<Node>{*jobs}) {
      const Node* name = job.find("name");
      const Node* workload = job.find("workload");
      const Node* kind = workload == nullptr ? nullptr : workload->find("kind");
      if (name != nullptr && kind != nullptr) out.emplace_back(name->text, kind->text);
    }
    return out;
  }

  void check_fact(const std::string& fact, const Node& node) {
    const Node* workload = root_.find("workload");
    const Node* kind = workload == nullptr ? nullptr : workload->find("kind");
    if (kind == nullptr || kind->kind != NodeKind::scalar) return;
    const auto known =
        kind->text == "mix" ? facts_of_mix(jobs_of(*workload)) : facts_of_workload(kind->text);
    if (known.empty() || known.contains(fact)) return;
    std::vector<std::string> names;
    for (const auto& [name, info] : known) names.push_back(name);
    diagnostics_.error(node.where, fmt::format("a {} workload has no fact '{}'{}", kind->text, fact,
                                               base::did_you_mean(fact, names)));
  }

  std::optional<double> amount(const Node& node, std::string_view key, const std::string& fact) {
    const Node* given = node.find(key);
    if (given == nullptr || given->kind != NodeKind::scalar) return std::nullopt;
    if (const auto number = plain_number(given->text)) return number;
    if (given->text.ends_with('%') && reports::unit_of(fact) == reports::Unit::fraction) {
      const auto percent =
          plain_number(std::string_view(given->text).substr(0, given->text.size() - 1));
      if (percent) return *percent / 100.0;
    }
    const auto dimension = dimension_of_fact(fact);
    if (!dimension) {
      diagnostics_.error(given->where,
                         fmt::format("'{}' is a bare number: write it without a unit", fact));
      return std::nullopt;
    }
    const auto parsed = base::parse_quantity(given->text, *dimension);
    if (const double* value = std::get_if<double>(&parsed)) return *value;
    diagnostics_.error(given->where, fmt::format("expect.{}: {}", fact,
                                                 std::get<base::UnitError>(parsed).message));
    return std::nullopt;
  }

  void check_shape(const Node& node, const Expectation& out) {
    const bool value = node.find("value") != nullptr;
    const bool bounds = node.find("min") != nullptr || node.find("max") != nullptr;
    if (!value && !bounds) {
      diagnostics_.error(node.where,
                         fmt::format("expect.{} needs 'value', 'min' or 'max'", out.fact));
    }
    if (!value && node.find("tolerance") != nullptr) {
      diagnostics_.error(node.find("tolerance")->where,
                         "'tolerance' belongs to 'value', which is not given");
    }
    if (out.minimum && out.maximum && *out.maximum < *out.minimum) {
      diagnostics_.error(node.find("max")->where,
                         fmt::format("expect.{}: 'max' is below 'min'", out.fact));
    }
  }

  void read_when(const Node& when, Expectation& out) {
    for (const Entry& entry : when.entries) {
      const auto path = canonical_path(entry.key, root_, entry.where, diagnostics_);
      if (!path) continue;
      std::string full = to_text(*path);
      for (const auto& [canonical, of_case] : kCasePaths) {
        if (full == canonical) full = of_case;
      }
      out.when.emplace_back(std::move(full), value_text(entry.value));
    }
  }

  const Node& root_;
  base::Diagnostics& diagnostics_;
};

// Equal as text, or as numbers, or as quantities: 8GiB is 8192MiB.
bool same_value(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto x = plain_number(a);
  const auto y = plain_number(b);
  if (x && y) return *x == *y;
  for (const Dimension dimension : {Dimension::bytes, Dimension::bandwidth, Dimension::time,
                                    Dimension::flop_rate, Dimension::power}) {
    const auto p = base::parse_quantity(a, dimension);
    const auto q = base::parse_quantity(b, dimension);
    const double* left = std::get_if<double>(&p);
    const double* right = std::get_if<double>(&q);
    if (left != nullptr && right != nullptr) {
      return std::abs(*left - *right) <= 1e-12 * std::abs(*left);
    }
  }
  return false;
}

bool is_case_path(const std::string& path) {
  return std::any_of(kCasePaths.begin(), kCasePaths.end(),
                     [&](const auto& one) { return one.second == path; });
}

// A mapping with a name stands for its name: `when: {cluster: dgx-h100}`.
std::string comparable_text(const Node& node) {
  if (const Node* name = node.find("name"); name != nullptr && name->kind == NodeKind::scalar) {
    return value_text(*name);
  }
  return value_text(node);
}

}  // namespace

std::vector<Expectation> parse_expectations(const Node& expect, const Node& root,
                                            base::Diagnostics& diagnostics) {
  std::vector<Expectation> out;
  ExpectationReader reader(root, diagnostics);
  for (const Entry& entry : expect.entries) {
    for (const Node& item : entry.value.items) {
      if (auto expectation = reader.read(entry.key, item)) out.push_back(std::move(*expectation));
    }
  }
  return out;
}

std::vector<Expectation> expectations_at(const std::vector<Expectation>& all,
                                         const Node& resolved) {
  std::vector<Expectation> out;
  for (const Expectation& expectation : all) {
    Expectation here = expectation;
    here.when.clear();
    bool possible = true;
    for (const auto& [path, wanted] : expectation.when) {
      if (is_case_path(path)) {
        here.when.emplace_back(path, wanted);
        continue;
      }
      base::Diagnostics ignored;  // the path was checked when it was read
      const auto keys = canonical_path(path, resolved, {}, ignored);
      const Node* value = keys ? value_at(resolved, *keys) : nullptr;
      possible = possible && value != nullptr && same_value(comparable_text(*value), wanted);
    }
    if (possible) out.push_back(std::move(here));
  }
  return out;
}

}  // namespace windtunnel::scenarios
