// Lying stacked bars: parts of a time, memory by stage, a waterfall. Loaded before report.js, which calls it.
window.windtunnelBars = function (spec, colors, show) {
  'use strict';
  function colorOf(part) { return colors.dark ? part.on_dark : part.color; }
  function text(value) { return show.text(value, spec.x.unit, 4); }
  function endOf(bar) {
    return spec.parts.reduce(function (sum, part) { return sum + part.values[bar]; }, spec.starts.length > 0 ? spec.starts[bar] : 0);
  }
  var several = spec.parts.length > 1;
  var series = [];
  if (spec.starts.length > 0) {
    series.push({ type: 'bar', stack: 'all', silent: true, itemStyle: { color: 'transparent' }, tooltip: { show: false }, data: spec.starts, barMaxWidth: 18 });
  }
  spec.parts.forEach(function (part) {
    series.push({ type: 'bar', stack: 'all', name: part.name, data: part.values, itemStyle: { color: colorOf(part) }, barMaxWidth: 18, emphasis: { focus: 'series' } });
  });
  if (spec.endings.length > 0) {
    series.push({ type: 'bar', stack: 'all', silent: true, itemStyle: { color: 'transparent' }, tooltip: { show: false }, barMaxWidth: 18,
      data: spec.endings.map(function (ending, bar) {
        // From the end of the bar to where the words begin: across a limit that they would lie under.
        var gap = spec.places ? Math.max(0, spec.places[bar] - endOf(bar)) : 0;
        return { value: gap, label: { show: true, position: 'right', formatter: function () { return show.width < 640 ? ending.split(' (')[0] : ending; }, color: colors.soft, backgroundColor: colors.paper, padding: [0, 2], fontSize: 12 } };
      }) });
  }
  if (spec.limits.length > 0 && series.length > 0) {
    series[0].markLine = {
      symbol: 'none', silent: true, animation: false, lineStyle: { color: colors.ink, type: 'dashed', width: 1.6 },
      data: spec.limits.map(function (limit) {
        return { xAxis: limit.x, label: { formatter: limit.short, position: 'start', align: 'right', color: colors.ink, fontSize: 12, rotate: 0, distance: 4 } };
      })
    };
  }
  var legend = several ? show.legendRows(spec.parts, show.width) * 24 : 0;
  var option = {
    animation: false, series: series, tooltip: show.tooltip,
    legend: { show: several, top: 0, left: 4, data: spec.parts.map(function (p) { return p.name; }), textStyle: { color: colors.ink, fontSize: 13 }, itemWidth: 16, itemHeight: 10, itemGap: 12, inactiveColor: colors.line },
    grid: { left: 8, right: 26, top: legend + (spec.limits.length ? 24 : 8), bottom: 30, containLabel: true },
    xAxis: { type: 'value', min: spec.x.min, max: spec.x.max, interval: spec.step, name: spec.x.title, nameLocation: 'middle', nameGap: 28, nameTextStyle: { color: colors.soft, fontSize: 13 },
      axisLabel: { color: colors.soft, fontSize: 12, hideOverlap: true, formatter: text }, axisLine: { lineStyle: { color: colors.soft } }, splitLine: { lineStyle: { color: colors.grid } } },
    yAxis: { type: 'category', data: spec.bars, inverse: true, axisTick: { show: false }, axisLine: { lineStyle: { color: colors.soft } },
      axisLabel: { color: colors.soft, fontSize: 12, interval: 0, width: Math.min(260, show.width * 0.4), overflow: 'truncate' } }
  };
  option.tooltip.formatter = function (item) {
    return '<b>' + show.escaped(spec.bars[item.dataIndex]) + '</b><br>' + (several ? show.escaped(item.seriesName) + ' ' : '') + '<b>' + text(item.value) + '</b>';
  };
  return option;
};
window.windtunnelBars.height = function (spec) { return spec.bars.length * 24 + 110; };
