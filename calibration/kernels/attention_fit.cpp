#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "calibration/kernels/attention_hold_out.hpp"
#include "calibration/kernels/attention_model.hpp"
#include "calibration/kernels/attention_tables.hpp"
#include "calibration/kernels/kernel_fit.hpp"

namespace windtunnel::calibration {
namespace {

using models::AttentionPhase;
using models::AttentionQuery;
using Row = KernelRow<AttentionQuery>;

constexpr std::size_t kLeastRows = 40;  // fewer say nothing about eight parameters

// Where a fit starts: the defaults of the GPU's relatives.
template <class Parameters>
std::vector<LogParameter> log_parameters(
    const Parameters& start, std::span<const models::ParameterRange<Parameters>> ranges) {
  std::vector<LogParameter> result;
  for (const auto& range : ranges) {
    result.push_back({std::clamp(start.*(range.member), range.least * 1.001, range.most * 0.999),
                      range.least, range.most});
  }
  return result;
}

std::vector<FamilySplit> splits_of(const std::vector<Row>& rows) {
  const auto keys = [&](auto&& key) {
    std::vector<double> result;
    for (const Row& row : rows) result.push_back(static_cast<double>(key(row.query)));
    return result;
  };
  const bool decode = rows.front().query.phase == AttentionPhase::decode;
  std::vector<FamilySplit> splits{
      {"by head count", keys([](const AttentionQuery& q) { return q.heads; })},
      {"by heads a kv head", keys([](const AttentionQuery& q) { return q.heads / q.kv_heads; })},
      {"by batch", keys([](const AttentionQuery& q) { return q.batch; })},
      {decode ? "by kv length" : "by length",
       keys([&](const AttentionQuery& q) { return decode ? q.kv_len : q.q_len; })},
      {"by head size", keys([](const AttentionQuery& q) { return q.head_dim; }), Leaves::variants},
      {"by window", keys([](const AttentionQuery& q) { return q.window; }), Leaves::variants}};
  std::erase_if(splits, [](const FamilySplit& split) {
    return std::all_of(split.keys.begin(), split.keys.end(),
                       [&](double key) { return key == split.keys.front(); });
  });
  return splits;
}

FamilyProblem problem_of(const std::vector<Row>& rows, const sim::Gpu& gpu) {
  const AttentionQuery& first = rows.front().query;
  const auto device = models::attention_device(gpu, first.format);
  const auto defaults = models::default_attention_parameters(gpu, first.format);
  FamilyProblem problem;
  problem.parameters = first.phase == AttentionPhase::decode
                           ? log_parameters(defaults.decode, models::decode_parameter_ranges())
                           : log_parameters(defaults.context, models::context_parameter_ranges());
  problem.form = [&rows, device](std::size_t row, std::span<const double> values) {
    return attention_form_time(rows[row].query, values, device);
  };
  for (const Row& row : rows) {
    const AttentionPlace place = attention_place(row.query);
    problem.places.push_back({place.variant, place.at});
    problem.log_times.push_back(std::log(row.time.value()));
  }
  if (first.phase == AttentionPhase::decode) {
    problem.stepped = 8;  // packed_heads
    problem.steps = {1024, 64, 32, 16};
  } else if (std::any_of(rows.begin(), rows.end(),
                         [](const Row& row) { return row.query.kv_len > row.query.q_len; })) {
    problem.stepped = 8;  // prefix_splits
    problem.steps = {1.002, 64};
  }
  problem.splits = splits_of(rows);
  problem.layout = attention_layout(first.phase);
  problem.second_weight = kWindowWeight;
  problem.band_an_octave = kBandAnOctave;
  return problem;
}

template <class Parameters>
void append_parameters(const LogFit& fit,
                       std::span<const models::ParameterRange<Parameters>> ranges,
                       Component& component) {
  for (std::size_t j = 0; j < ranges.size(); ++j) {
    component.parameters.push_back({std::string(ranges[j].name), fit.values[j],
                                    fit.standard_errors[j], std::string(ranges[j].unit)});
  }
}

void append_ranges(const std::vector<Row>& rows, Component& component) {
  const auto range = [&](const char* name, auto&& value) {
    double low = INFINITY, high = 0;
    for (const Row& row : rows) {
      low = std::min(low, static_cast<double>(value(row.query)));
      high = std::max(high, static_cast<double>(value(row.query)));
    }
    component.ranges.push_back({name, {low, high}});
  };
  range("batch", [](const AttentionQuery& q) { return q.batch; });
  range("heads", [](const AttentionQuery& q) { return q.heads; });
  range("kv_heads", [](const AttentionQuery& q) { return q.kv_heads; });
  range("head_dim", [](const AttentionQuery& q) { return q.head_dim; });
  range("q_len", [](const AttentionQuery& q) { return q.q_len; });
  range("kv_len", [](const AttentionQuery& q) { return q.kv_len; });
  range("window", [](const AttentionQuery& q) { return q.window; });
}

}  // namespace

std::vector<AttentionComponentFit> fit_attention_families(const KernelRows& rows,
                                                          const sim::Gpu& gpu, HoldOuts hold_outs) {
  // One family a phase and pair of formats, in a fixed order.
  std::map<std::pair<std::string, std::string>, std::vector<Row>> families;
  for (const Row& row : rows.attention) {
    if (row.query.kernel == models::AttentionKernel::unfused) continue;
    families[{attention_kind(row.query.phase),
              attention_format(row.query.format, row.query.kv_format)}]
        .push_back(row);
  }
  std::vector<AttentionComponentFit> result;
  for (const auto& [key, members] : families) {
    if (members.size() < kLeastRows) continue;
    const FamilyFit fit = fit_family(problem_of(members, gpu), hold_outs);
    AttentionComponentFit made;
    made.component.kind = key.first;
    made.component.format = key.second;
    if (key.first == "attention_decode") {
      append_parameters(fit.form, models::decode_parameter_ranges(), made.component);
    } else {
      append_parameters(fit.form, models::context_parameter_ranges(), made.component);
    }
    append_bands(fit.bands, made.component);
    made.component.grids = fit.grids;
    append_ranges(members, made.component);
    made.component.rows_used = static_cast<std::int64_t>(members.size());
    for (const FamilyHoldOut& held : fit.held_out) made.component.held_out.push_back(held.error);
    made.held_out = fit.held_out;
    made.form_median = fit.form_median;
    result.push_back(std::move(made));
  }
  return result;
}

std::vector<Component> fit_attention(const KernelRows& rows, const sim::Gpu& gpu) {
  std::vector<Component> components;
  for (AttentionComponentFit& fit : fit_attention_families(rows, gpu, HoldOuts::all)) {
    components.push_back(std::move(fit.component));
  }
  return components;
}

}  // namespace windtunnel::calibration
