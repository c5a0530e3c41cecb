#include "real/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/csv.hpp"

namespace windtunnel::real {
namespace {

using base::Diagnostics;
using models::AttentionQuery;
using models::GemmQuery;
using models::NumberFormat;

constexpr double kLargest = 1e9;

// One row of a shapes file by column name.
class ShapeRow {
 public:
  ShapeRow(const std::vector<std::string>& header, const calibration::CsvRow& row,
           const std::string& file, Diagnostics& diagnostics)
      : file_(file), line_(row.line), diagnostics_(diagnostics) {
    for (std::size_t i = 0; i < std::min(header.size(), row.fields.size()); ++i)
      fields_[header[i]] = row.fields[i];
    if (row.fields.size() > header.size())
      diagnostics.error(
          {file, row.line, row.fields[header.size()].column},
          fmt::format("this row has {} fields, the header {}", row.fields.size(), header.size()));
  }

  const std::string& text(const std::string& name) const {
    static const std::string kNone;
    const auto found = fields_.find(name);
    return found == fields_.end() ? kNone : found->second.text;
  }
  std::int64_t count(const std::string& name, std::int64_t fallback = 0) const {
    const std::string& value = text(name);
    if (value.empty() && fallback > 0) return fallback;
    const auto number = calibration::number(value);
    if (number && *number >= 1 && *number <= kLargest && *number == std::floor(*number))
      return static_cast<std::int64_t>(*number);
    error(name, value.empty()
                    ? fmt::format("'{}' is blank", name)
                    : fmt::format("'{}' is '{}', not a whole number from 1 to 1e9", name, value));
    return 1;
  }
  void error(const std::string& name, std::string message) const {
    const auto found = fields_.find(name);
    diagnostics_.error({file_, line_, found == fields_.end() ? 1 : found->second.column},
                       std::move(message));
  }
  std::vector<NumberFormat> formats(const std::vector<NumberFormat>& otherwise) const {
    const std::string& name = text("precision");
    if (name.empty()) return otherwise;
    if (const auto format = models::number_format_from(name)) return {*format};
    std::vector<std::string> names;
    for (const NumberFormat format : models::all_number_formats())
      names.emplace_back(to_text(format));
    error("precision",
          fmt::format("unknown precision '{}'{}", name, base::did_you_mean(name, names)));
    return {};
  }

 private:
  const std::string& file_;
  int line_;
  Diagnostics& diagnostics_;
  std::map<std::string, calibration::CsvField> fields_;
};

void add_gemm(const ShapeRow& row, const std::vector<NumberFormat>& formats, Shapes& out) {
  GemmQuery query;
  query.m = row.count("m");
  query.n = row.count("n");
  query.k = row.count("k");
  query.batch = row.count("batch", 1);
  query.groups = row.count("groups", 1);
  for (const NumberFormat format : row.formats(formats)) {
    query.format = format;
    out.gemms.push_back(query);
  }
}

models::AttentionPhase phase_of(const ShapeRow& row, const AttentionQuery& query) {
  const std::string& text = row.text("phase");
  for (const auto phase : {models::AttentionPhase::context, models::AttentionPhase::decode,
                           models::AttentionPhase::backward}) {
    if (text == to_text(phase)) return phase;
  }
  if (!text.empty())
    row.error("phase", fmt::format("phase '{}' is none of context, decode, backward", text));
  return query.q_len == 1 && query.kv_len > 1 ? models::AttentionPhase::decode
                                              : models::AttentionPhase::context;
}

void add_attention(const ShapeRow& row, const std::vector<NumberFormat>& formats, Shapes& out) {
  AttentionQuery query;
  query.batch = row.count("batch", 1);
  query.heads = row.count("heads");
  query.kv_heads = row.count("kv_heads", query.heads);
  query.head_dim = row.count("head_dim");
  query.q_len = row.count("q_len");
  query.kv_len = row.count("kv_len", query.q_len);
  query.phase = phase_of(row, query);
  const std::string& causal = row.text("causal");
  if (causal == "0" || causal == "false")
    query.mask = models::AttentionMask::full;
  else if (!causal.empty() && causal != "1" && causal != "true")
    row.error("causal", fmt::format("causal is '{}', not 0 or 1", causal));
  if (row.text("implementation") == "unfused") query.kernel = models::AttentionKernel::unfused;
  if (query.heads % query.kv_heads != 0)
    row.error("kv_heads",
              fmt::format("{} heads cannot be shared by {} kv_heads", query.heads, query.kv_heads));
  for (const NumberFormat format : row.formats(formats)) {
    query.format = query.kv_format = format;
    out.attentions.push_back(query);
  }
}

bool has_all(const std::vector<std::string>& header, const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::find(header.begin(), header.end(), name) != header.end();
  });
}

// A number within "16..4096"; reports where it does not stand.
class GridText {
 public:
  GridText(const std::string& text, Diagnostics& diagnostics)
      : text_(text), diagnostics_(diagnostics) {}

  void error(std::size_t at, const std::string& message) {
    diagnostics_.error({"--grid", 1, static_cast<int>(at) + 1}, message);
  }
  std::int64_t number(std::size_t begin, std::size_t end) {
    const auto value = calibration::number(text_.substr(begin, end - begin));
    if (value && *value >= 1 && *value <= kLargest && *value == std::floor(*value))
      return static_cast<std::int64_t>(*value);
    error(begin, fmt::format("'{}' is not a whole number from 1 to 1e9",
                             text_.substr(begin, end - begin)));
    return 1;
  }
  // "a", "a..b", "a..b+c" or "a..b*c" within [begin, end).
  void values(std::size_t begin, std::size_t end, std::vector<std::int64_t>& out) {
    const std::size_t dots = text_.find("..", begin);
    if (dots == std::string::npos || dots >= end) {
      out.push_back(number(begin, end));
      return;
    }
    std::size_t step_at = text_.find_first_of("+*", dots);
    if (step_at == std::string::npos || step_at > end) step_at = end;
    const std::int64_t from = number(begin, dots), to = number(dots + 2, step_at);
    const bool adds = step_at < end && text_[step_at] == '+';
    const std::int64_t step = step_at < end ? number(step_at + 1, end) : 2;
    if (!adds && step < 2) {
      error(step_at, "a factor is at least 2");
      return;
    }
    if (to < from) error(begin, fmt::format("{} is above {}", from, to));
    for (std::int64_t value = from; value <= to && out.size() < 100000;
         value = adds ? value + step : value * step)
      out.push_back(value);
  }

 private:
  const std::string& text_;
  Diagnostics& diagnostics_;
};

}  // namespace

Shapes parse_shapes(std::string_view text, const std::string& file,
                    const std::vector<NumberFormat>& formats, Diagnostics& diagnostics) {
  Shapes out;
  const auto rows = calibration::parse_csv(text, file, diagnostics);
  if (rows.empty()) {
    diagnostics.error({file, 1, 1},
                      "no header: a shapes file is CSV with columns m,n,k or "
                      "heads,head_dim,q_len");
    return out;
  }
  std::vector<std::string> header;
  for (const auto& field : rows[0].fields) header.push_back(field.text);
  const bool gemms = has_all(header, {"m", "n", "k"});
  const bool attentions = has_all(header, {"heads", "head_dim", "q_len"});
  if (!gemms && !attentions) {
    diagnostics.error(
        {file, rows[0].line, 1},
        "neither the columns m,n,k (GEMMs) nor heads,head_dim,q_len (attention) are in "
        "the header");
    return out;
  }
  const bool has_kind = has_all(header, {"kind"});
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const ShapeRow row(header, rows[i], file, diagnostics);
    const std::string kind = has_kind ? row.text("kind") : gemms ? "gemm" : "attention";
    if (kind == "gemm")
      add_gemm(row, formats, out);
    else if (kind == "attention")
      add_attention(row, formats, out);
    else if (kind.empty())
      row.error("kind", "kind is blank: gemm or attention");
  }
  if (out.gemms.empty() && out.attentions.empty() && !diagnostics.has_errors())
    diagnostics.error({file, rows[0].line, 1}, "no row of kind gemm or attention below the header");
  return out;
}

Shapes parse_grid(const std::string& text, const std::vector<NumberFormat>& formats,
                  Diagnostics& diagnostics) {
  GridText grid(text, diagnostics);
  std::map<char, std::vector<std::int64_t>> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, std::min(text.find('=', begin), end) - begin);
    if (name != "m" && name != "n" && name != "k" && name != "batch") {
      grid.error(begin, fmt::format("'{}' is none of m, n, k, batch", name));
    } else if (!values[name[0]].empty()) {
      grid.error(begin, name + " stands twice");
    } else {
      for (std::size_t at = begin + name.size() + 1; at <= end;) {
        const std::size_t stop = std::min(text.find(':', at), end);
        grid.values(at, stop, values[name[0]]);
        at = stop + 1;
      }
    }
    begin = end + 1;
  }
  Shapes out;
  for (const char name : {'m', 'n', 'k'}) {
    if (values[name].empty() && !diagnostics.has_errors())
      grid.error(0, fmt::format("{} is missing: m=16..4096,n=4096,k=4096", name));
  }
  if (values['b'].empty()) values['b'] = {1};
  if (diagnostics.has_errors()) return out;
  for (const std::int64_t batch : values['b'])
    for (const std::int64_t n : values['n'])
      for (const std::int64_t k : values['k'])
        for (const std::int64_t m : values['m'])
          for (const NumberFormat format : formats)
            out.gemms.push_back(
                {.m = m, .n = n, .k = k, .batch = batch, .groups = 1, .format = format});
  return out;
}

}  // namespace windtunnel::real
