#include "reports/html/axis.hpp"

#include <algorithm>
#include <cmath>

namespace windtunnel::reports {

double log_base(const Axis& axis) {
  if (axis.base > 1.0) return axis.base;
  return axis.unit == Unit::bytes ? 2.0 : 10.0;
}

namespace {

double exponent(double value, double base) {
  const double exact = std::log(value) / std::log(base);
  const double whole = std::round(exact);
  return std::abs(exact - whole) < 1e-9 ? whole : exact;  // log(1000) is not quite 3
}

// 1, 2 or 5 times a power of ten, at least `least`.
double round_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10.0 * power;
}

double round_down(double most) {
  return 1.0 / round_step(1.0 / most);  // 1, 1/2 and 1/5 are 10, 5 and 2 of a tenth
}

// Less than about two decades: whole powers alone would leave most of the chart empty.
bool is_short(const AxisRange& range) {
  return range.low > 0.0 && range.high > range.low && range.high / range.low < 50.0;
}

// The same on a linear axis; bytes are counted in KiB, MiB, GiB.
double linear_step(Unit unit, double least, double most) {
  const double one = unit == Unit::bytes && most >= 1.0
                         ? std::exp2(std::floor(std::log2(most) / 10.0) * 10.0)
                         : 1.0;
  return round_step(least / one) * one;
}

AxisRange extent(const XyChart& chart, AxisOf which) {
  AxisRange range{HUGE_VAL, -HUGE_VAL};
  const auto include = [&](double value) {
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  };
  for (const Series& series : chart.series) {
    for (const ChartPoint& point : series.points) {
      include(which == AxisOf::x ? point.x : point.y);
      if (which == AxisOf::y && point.low && point.high) include(*point.low), include(*point.high);
    }
  }
  return range.low <= range.high ? range : AxisRange{1.0, 10.0};
}

}  // namespace

// Of the values: a range of y narrower than that shows differences as large that are none.
constexpr double kVisible = 0.05;

AxisRange range_of(const XyChart& chart, AxisOf which) {
  const Axis& axis = which == AxisOf::x ? chart.x : chart.y;
  AxisRange range = extent(chart, which);
  if (axis.scale == AxisScale::log) {
    const double base = log_base(axis);
    double low = std::floor(exponent(std::max(range.low, 1e-300), base));
    double high = std::ceil(exponent(std::max(range.high, 1e-300), base));
    if (base == 10.0 && is_short(range))
      return {round_down(range.low * (1 + 1e-9)), round_step(range.high)};
    if (low == high) ++high;
    return {std::pow(base, low), std::pow(base, high)};
  }
  if (which == AxisOf::y && range.low > 0.0 && range.high - range.low < kVisible * range.high) {
    range.low = 0.0;
  }
  const double width =
      range.high > range.low ? range.high - range.low : std::max(std::abs(range.high), 1.0);
  const double step = round_step(width / 6.0);
  return {std::floor(range.low / step) * step,
          std::ceil(range.high / step + (range.high > range.low ? 0.0 : 1.0)) * step};
}

namespace {

// Of the range a letter of an ending takes.
constexpr double kLetter = 0.016;

double end_of(const BarChart& chart, std::size_t bar) {
  double end = bar < chart.starts.size() ? chart.starts[bar] : 0.0;
  for (const BarPart& part : chart.parts) end += bar < part.values.size() ? part.values[bar] : 0.0;
  return end;
}

double letters(const BarChart& chart, std::size_t bar) {
  return bar < chart.endings.size() ? static_cast<double>(chart.endings[bar].size()) : 0.0;
}

double widest(const BarChart& chart) {
  double most = 0.0;
  for (std::size_t i = 0; i < chart.bars.size(); ++i) most = std::max(most, end_of(chart, i));
  for (const Marker& limit : chart.limits) most = std::max(most, limit.x);
  return most;
}

}  // namespace

std::vector<double> ending_places(const BarChart& chart) {
  std::vector<double> places;
  const double most = widest(chart);
  std::vector<double> limits;
  for (const Marker& limit : chart.limits) limits.push_back(limit.x);
  std::sort(limits.begin(), limits.end());
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    double place = end_of(chart, i);
    const double width = most * kLetter * letters(chart, i);
    for (const double limit : limits) {
      if (place <= limit && limit < place + width) place = limit;
    }
    places.push_back(place);
  }
  return places;
}

AxisRange range_of(const BarChart& chart) {
  double most = 0.0, most_letters = 0.0;
  for (std::size_t i = 0; i < chart.bars.size(); ++i)
    most_letters = std::max(most_letters, letters(chart, i));
  for (const double place : ending_places(chart))
    most = std::max(most, place * (1.0 + kLetter * most_letters));
  for (const Marker& limit : chart.limits) most = std::max(most, limit.x * 1.02);
  if (!(most > 0.0)) return {0.0, 1.0};
  const double step = linear_step(chart.x.unit, most / 8.0, most);
  return {0.0, std::ceil(most / step - 1e-9) * step};
}

std::vector<double> ticks_of(const Axis& axis, const AxisRange& range) {
  std::vector<double> ticks;
  if (axis.scale == AxisScale::log) {
    const double base = log_base(axis);
    const double low = exponent(range.low, base);
    const double high = exponent(range.high, base);
    const bool whole = high - low >= 2.0 || (high == std::floor(high) && low == std::floor(low));
    if (base == 10.0 && !whole) {
      for (double tick = range.low; tick <= range.high * (1 + 1e-9); tick = round_step(tick * 1.1))
        ticks.push_back(tick);
      return ticks;
    }
    const double step = std::max(1.0, std::ceil((high - low) / 9.0));
    for (double e = std::ceil(low - 1e-9); e <= high + 1e-9; e += step)
      ticks.push_back(std::pow(base, e));
    return ticks;
  }
  const double step = linear_step(axis.unit, (range.high - range.low) / 8.0, range.high);
  for (double i = std::ceil(range.low / step - 1e-9);
       i * step <= range.high * (1 + 1e-12) + step * 1e-9; ++i) {
    ticks.push_back(i * step + 0.0);  // never -0
  }
  return ticks;
}

}  // namespace windtunnel::reports
