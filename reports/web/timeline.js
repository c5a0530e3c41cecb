// Rows of spans over time. Loaded before report.js, which calls it.
window.windtunnelTimeline = (function () {
  'use strict';
  function usedKinds(line) {
    var used = {};
    line.spans.forEach(function (s) { used[s[3]] = true; });
    return Object.keys(used);
  }
  function topOf(line, show) {
    return 10 + 24 * show.legendRows(usedKinds(line).map(function (kind) { return line.kinds[kind]; }), show.width);
  }
  function option(spec, colors, pick, show) {
    var line = spec.timelines[pick];
    var last = line.spans.reduce(function (end, s) { return Math.max(end, s[2]); }, 0);
    var rows = Math.min(line.lanes.length, 32), top = topOf(line, show);
    // Where the middle is left out, the beginning is shown first; the slider has the rest.
    var gap = line.spans.reduce(function (least, s) { return line.kinds[s[3]].name === 'left out' ? Math.min(least, s[1]) : least; }, last);
    var shown = gap < last ? gap * 1.05 : last;
    var zoom = [{ type: 'inside', xAxisIndex: 0, startValue: 0, endValue: shown, filterMode: 'weakFilter', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false },
      { type: 'slider', xAxisIndex: 0, startValue: 0, endValue: shown, filterMode: 'weakFilter', height: 18, bottom: 4, showDataShadow: false, borderColor: colors.line, textStyle: { color: colors.soft },
        labelFormatter: function (v) { return show.text(v, 'seconds', 4); } }];
    if (line.lanes.length > 32) {
      zoom.push({ type: 'slider', yAxisIndex: 0, filterMode: 'none', width: 14, right: 6, startValue: 0, endValue: 31, showDataShadow: false, showDetail: false, brushSelect: false, borderColor: colors.line });
    }
    var drawn = {
      animation: false, tooltip: show.tooltip, dataZoom: zoom,
      legend: { top: 0, left: 4, textStyle: { color: colors.ink, fontSize: 13 }, itemWidth: 16, itemHeight: 10 },
      grid: { left: 8, right: 34, top: top, bottom: 58, containLabel: true, height: rows * 20 },
      xAxis: { type: 'value', min: 0, max: last, axisLabel: { color: colors.soft, fontSize: 12, hideOverlap: true, formatter: function (v) { return show.text(v, 'seconds', 4); } },
        axisLine: { lineStyle: { color: colors.soft } }, splitLine: { lineStyle: { color: colors.grid } } },
      yAxis: { type: 'category', data: line.lanes, inverse: true, axisLabel: { color: colors.soft, fontSize: 12, interval: 0, width: Math.min(210, show.width * 0.4), overflow: 'truncate' },
        axisLine: { lineStyle: { color: colors.soft } }, axisTick: { show: false } },
      series: usedKinds(line).map(function (kind) {
        var color = colors.dark ? line.kinds[kind].on_dark : line.kinds[kind].color;
        return {
          type: 'custom', name: line.kinds[kind].name, clip: true, itemStyle: { color: color }, encode: { x: [1, 2], y: 0 },
          data: line.spans.filter(function (s) { return s[3] === Number(kind); }).map(function (s) { return { value: [s[0], s[1], s[2]], note: s[4] }; }),
          renderItem: function (params, api) {
            var start = api.coord([api.value(1), api.value(0)]), end = api.coord([api.value(2), api.value(0)]);
            var height = Math.max(2, api.size([0, 1])[1] * 0.66);
            var frame = params.coordSys;
            var shape = echarts.graphic.clipRectByRect(
              { x: start[0], y: start[1] - height / 2, width: Math.max(end[0] - start[0], 1), height: height },
              { x: frame.x, y: frame.y, width: frame.width, height: frame.height });
            return shape && { type: 'rect', shape: shape, style: { fill: color, stroke: colors.paper, lineWidth: shape.width > 4 ? 0.6 : 0 } };
          }
        };
      })
    };
    drawn.tooltip.formatter = function (item) {
      var v = item.value;
      return '<b>' + show.escaped(line.lanes[v[0]]) + '</b><br>' + (item.data.note ? show.escaped(item.data.note) + '<br>' : '') +
        show.text(v[1], 'seconds', 5) + ' to ' + show.text(v[2], 'seconds', 5) + ' (' + show.text(v[2] - v[1], 'seconds', 4) + ')';
    };
    return drawn;
  }
  function height(spec, pick, show) {
    return Math.min(spec.timelines[pick].lanes.length, 32) * 20 + topOf(spec.timelines[pick], show) + 64;
  }
  return { option: option, height: height };
})();
