// Two saved results side by side (`windtunnel compare A.json B.json`).
//
// Cases are matched by their parameters (and scenario, where a result has several), or by name
// where no case has parameters; the k-th of several equal ones with the k-th. For each fact of a
// matched pair: ratio = b / a. A pair differs where |b - a| > tolerance * |a| (equal numbers never
// differ, so that 0 and 0 agree), where a word or the status is another, or where a case has no
// partner. Facts that only one side knows are listed and do not count: programs of another version
// may have more. Facts about the simulation itself (wall_s, evaluations_per_s) are left out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reports/result.hpp"

namespace windtunnel::reports {

struct CompareOptions {
  double tolerance = 0.0;    // relative
  std::string name_a = "A";  // as the tables call them: the file names
  std::string name_b = "B";
};

enum class Verdict { same, differs, only_a, only_b };
std::string_view to_text(Verdict verdict);

struct FactComparison {
  std::string case_name;
  std::string fact;  // "status" for the status; empty for a case without a partner
  base::Cell a;
  base::Cell b;
  double ratio = 0.0;  // b / a; NaN where it says nothing
  Verdict verdict = Verdict::same;
};

struct Comparison {
  CompareOptions options;
  std::vector<FactComparison>
      rows;  // every fact of every case, in the order of A, then what only B has
  std::size_t matched_cases = 0;
  std::size_t differences = 0;  // rows that count as such
  std::map<std::string, base::FactInfo> fact_info;
  bool same() const { return differences == 0; }
};

Comparison compare(const Result& a, const Result& b, const CompareOptions& options);

// As a result of one case, so that every writer renders it: facts cases_matched, differences,
// tolerance, largest_deviation; table `comparison`, differences first.
Result to_result(const Comparison& comparison);

// The table `comparison` with facts by their names in the order that people look at them in: the cases
// as they stand, in each of them time and rates first, then memory, then the others.
base::Table for_people(const base::Table& comparison,
                       const std::map<std::string, base::FactInfo>& fact_info);

}  // namespace windtunnel::reports
