// Draws the charts of a report with ECharts from the JSON in #charts. Everything a chart shows is also in
// the page as an SVG inside <noscript>; where drawing fails, that SVG is shown instead.
(function () {
  'use strict';

  var SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'pin', 'arrow'];
  var HEAT = ['#eef3f8', '#a9cbe3', '#4f97c7', '#12609f', '#062e5c'];
  var KIND_COLORS = ['#0072B2', '#56B4E9', '#E69F00', '#8C8C8C'];
  var charts = [];

  // Numbers for people, as reports/unit.cpp writes them; `digits` significant digits, zeros trimmed.
  function trimmed(value, digits) { return String(Number(value.toPrecision(digits))); }
  function scaled(value, prefixes, unit, digits) {
    if (value === 0) return '0 ' + unit;
    var size = Math.abs(value);
    for (var i = 0; i < prefixes.length; i++) {
      if (size >= prefixes[i][0] * 0.99995 || i === prefixes.length - 1) {
        return trimmed(value / prefixes[i][0], digits) + ' ' + prefixes[i][1] + unit;
      }
    }
  }
  var DECIMAL = [[1e15, 'P'], [1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']];
  var SMALL = [[1, ''], [1e-3, 'm'], [1e-6, 'u'], [1e-9, 'n']];
  var BINARY = [[1099511627776, 'TiB'], [1073741824, 'GiB'], [1048576, 'MiB'], [1024, 'KiB'], [1, 'B']];
  function sizeText(bytes, digits) {
    for (var i = 0; i < BINARY.length; i++) {
      var value = bytes / BINARY[i][0];
      if (value >= 1) {
        var round = value * 8 === Math.floor(value * 8);
        return trimmed(value, digits) + (round ? '' : ' ') + BINARY[i][1];
      }
    }
    return trimmed(bytes, digits) + 'B';
  }
  function textOf(value, unit, digits) {
    switch (unit) {
      case 'seconds': return scaled(value, SMALL, 's', digits);
      case 'bytes': return sizeText(value, digits);
      case 'bytes_per_second': return scaled(value, DECIMAL, 'B/s', digits);
      case 'fraction': return trimmed(value * 100, 3) + ' %';
      case 'flops_per_second': return scaled(value, DECIMAL, 'FLOP/s', digits);
      case 'per_second': return scaled(value, DECIMAL, '/s', digits);
      default: return trimmed(value, digits);
    }
  }
  function escaped(text) {
    return String(text).replace(/[&<>"']/g, function (c) {
      return { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }[c];
    });
  }

  function theme() {
    var style = getComputedStyle(document.documentElement);
    function get(name) { return style.getPropertyValue(name).trim(); }
    return { ink: get('--ink'), soft: get('--soft'), line: get('--line'), grid: get('--grid'), paper: get('--paper'), panel: get('--panel') };
  }
  function tooltip(colors) {
    return { confine: true, backgroundColor: colors.panel, borderColor: colors.line, textStyle: { color: colors.ink, fontSize: 13 } };
  }

  // ---- lines and points ---------------------------------------------------------------------------------

  function axis(spec, colors, vertical) {
    var log = spec.scale === 'log';
    return {
      type: log ? 'log' : 'value', logBase: spec.unit === 'bytes' ? 2 : 10, min: spec.min, max: spec.max,
      name: spec.title, nameLocation: 'middle', nameGap: vertical ? 66 : 30, nameTextStyle: { color: colors.soft, fontSize: 13 },
      axisLabel: { color: colors.soft, fontSize: 12, hideOverlap: true, formatter: function (v) { return textOf(v, spec.unit, 4); } },
      axisLine: { show: true, lineStyle: { color: colors.soft }, onZero: false }, axisTick: { lineStyle: { color: colors.soft } },
      splitLine: { show: true, lineStyle: { color: colors.grid } }, minorTick: { show: log && vertical, splitNumber: 9 }
    };
  }
  function bandSeries(series, color) {
    var points = series.points.filter(function (p) { return p[2] !== null && p[3] !== null; });
    if (points.length < 2 || series.style !== 'line') return null;
    return {
      type: 'custom', name: series.name, silent: true, z: 1, clip: true, data: [[points[0][0], points[0][1]]], tooltip: { show: false },
      itemStyle: { color: color },
      renderItem: function (params, api) {
        var upper = points.map(function (p) { return api.coord([p[0], p[3]]); });
        var lower = points.map(function (p) { return api.coord([p[0], p[2]]); }).reverse();
        return { type: 'polygon', shape: { points: upper.concat(lower) }, style: { fill: color, opacity: 0.13 } };
      }
    };
  }
  function whiskerSeries(series, color) {
    var points = series.points.filter(function (p) { return p[2] !== null && p[3] !== null; });
    if (points.length === 0 || series.style !== 'points') return null;
    return {
      type: 'custom', name: series.name, silent: true, z: 1, clip: true, data: points.map(function (p) { return [p[0], p[2], p[3]]; }),
      tooltip: { show: false }, itemStyle: { color: color },
      renderItem: function (params, api) {
        var low = api.coord([api.value(0), api.value(1)]), high = api.coord([api.value(0), api.value(2)]);
        return { type: 'line', shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] }, style: { stroke: color, opacity: 0.3, lineWidth: 1 } };
      }
    };
  }
  function drawnSeries(series, color, colors) {
    var guide = series.style === 'guide', points = series.style === 'points';
    var measured = series.marks === 'hollow';
    return {
      type: points ? 'scatter' : 'line', name: series.name, z: points ? 4 : 3, clip: true,
      data: series.points.map(function (p) { return { value: [p[0], p[1]], note: p[4], low: p[2], high: p[3] }; }),
      symbol: guide ? 'none' : SYMBOLS[series.color % SYMBOLS.length], symbolSize: points ? 8 : 6, showAllSymbol: true,
      lineStyle: { color: guide ? colors.soft : color, width: guide ? 1.5 : 2, type: guide ? 'dashed' : 'solid' },
      itemStyle: measured ? { color: colors.paper, borderColor: color, borderWidth: 1.8 } : { color: guide ? colors.soft : color, opacity: points ? 0.75 : 1 },
      emphasis: { focus: 'series' }, silent: guide, tooltip: { show: !guide }
    };
  }
  function markLines(markers, colors) {
    return {
      symbol: 'none', silent: true, animation: false, lineStyle: { color: colors.ink, type: 'dotted', width: 1.2 },
      data: markers.map(function (m, i) {
        return { xAxis: m.x, label: { formatter: m.short, position: 'end', distance: 3 + 15 * (i % 2), color: colors.ink, fontSize: 12, rotate: 0 } };
      })
    };
  }
  function xyOption(spec, colors) {
    var all = [], names = [];
    spec.series.forEach(function (series) {
      var color = spec.palette[series.color % spec.palette.length];
      names.push(series.name);
      all.push(drawnSeries(series, color, colors));
      [bandSeries(series, color), whiskerSeries(series, color)].forEach(function (extra) { if (extra) all.push(extra); });
    });
    if (spec.markers.length > 0 && all.length > 0) all[0].markLine = markLines(spec.markers, colors);
    var option = {
      animation: false, series: all, tooltip: tooltip(colors),
      legend: { type: 'scroll', top: 0, left: 4, data: names, textStyle: { color: colors.ink, fontSize: 13 }, itemWidth: 22, pageTextStyle: { color: colors.soft },
        pageIconColor: colors.soft, pageIconInactiveColor: colors.line },
      grid: { left: 84, right: 26, top: spec.markers.length > 0 ? 66 : 40, bottom: 48 },
      xAxis: axis(spec.x, colors, false), yAxis: axis(spec.y, colors, true)
    };
    option.tooltip.formatter = function (item) {
      var text = '<b>' + escaped(item.seriesName) + '</b><br>' + escaped(spec.x.title) + ' ' + textOf(item.value[0], spec.x.unit, 4) +
        '<br>' + escaped(spec.y.title) + ' <b>' + textOf(item.value[1], spec.y.unit, 4) + '</b>';
      if (item.data.low !== null && item.data.high !== null) {
        text += '<br>band ' + textOf(item.data.low, spec.y.unit, 4) + ' to ' + textOf(item.data.high, spec.y.unit, 4);
      }
      return item.data.note ? text + '<br>' + escaped(item.data.note) : text;
    };
    return option;
  }

  // ---- heat map -------------------------------------------------------------------------------------------

  function heatOption(spec, colors, pick) {
    var grid = spec.grids[pick];
    var option = {
      animation: false, tooltip: tooltip(colors), grid: { left: 8, right: 16, top: 8, bottom: 76, containLabel: true },
      xAxis: { type: 'category', data: grid.columns, name: spec.column_title, nameLocation: 'middle', nameGap: 28, nameTextStyle: { color: colors.soft, fontSize: 13 },
        axisLabel: { color: colors.soft, fontSize: 12, hideOverlap: true }, axisLine: { lineStyle: { color: colors.line } }, axisTick: { show: false }, splitArea: { show: false } },
      yAxis: { type: 'category', data: grid.rows, inverse: true, axisLabel: { color: colors.soft, fontSize: 12, interval: grid.rows.length > 40 ? 'auto' : 0 },
        axisLine: { lineStyle: { color: colors.line } }, axisTick: { show: false } },
      visualMap: { min: 0, max: 1, calculable: true, orient: 'horizontal', left: 'center', bottom: 0, itemHeight: 220, itemWidth: 12, precision: 2,
        inRange: { color: HEAT }, textStyle: { color: colors.soft }, formatter: function (v) { return trimmed(v * 100, 3) + ' %'; } },
      series: [{ type: 'heatmap', data: grid.cells.map(function (c) { return { value: [c[0], c[1], c[2]], note: c[3] }; }),
        itemStyle: { borderColor: colors.paper, borderWidth: 1 }, emphasis: { itemStyle: { borderColor: colors.ink } } }]
    };
    option.tooltip.formatter = function (item) { return escaped(item.data.note); };
    return option;
  }

  // ---- timeline -------------------------------------------------------------------------------------------

  function timelineOption(spec, colors, pick) {
    var line = spec.timelines[pick];
    var last = line.spans.reduce(function (end, s) { return Math.max(end, s[2]); }, 0);
    var used = {};
    line.spans.forEach(function (s) { used[s[3]] = true; });
    var rows = Math.min(line.lanes.length, 32);
    var zoom = [{ type: 'inside', xAxisIndex: 0, filterMode: 'weakFilter', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false },
      { type: 'slider', xAxisIndex: 0, filterMode: 'weakFilter', height: 18, bottom: 8, showDataShadow: false, borderColor: colors.line, textStyle: { color: colors.soft },
        labelFormatter: function (v) { return textOf(v, 'seconds', 4); } }];
    if (line.lanes.length > 32) {
      zoom.push({ type: 'slider', yAxisIndex: 0, filterMode: 'none', width: 14, right: 6, startValue: 0, endValue: 31, showDataShadow: false, showDetail: false, brushSelect: false, borderColor: colors.line });
    }
    var option = {
      animation: false, tooltip: tooltip(colors), dataZoom: zoom,
      legend: { top: 0, left: 4, textStyle: { color: colors.ink, fontSize: 13 }, itemWidth: 16, itemHeight: 10 },
      grid: { left: 8, right: 34, top: 34, bottom: 58, containLabel: true, height: rows * 20 },
      xAxis: { type: 'value', min: 0, max: last, axisLabel: { color: colors.soft, fontSize: 12, hideOverlap: true, formatter: function (v) { return textOf(v, 'seconds', 4); } },
        axisLine: { lineStyle: { color: colors.soft } }, splitLine: { lineStyle: { color: colors.grid } } },
      yAxis: { type: 'category', data: line.lanes, inverse: true, axisLabel: { color: colors.soft, fontSize: 12, interval: 0, width: 210, overflow: 'truncate' },
        axisLine: { lineStyle: { color: colors.soft } }, axisTick: { show: false } },
      series: Object.keys(used).map(function (kind) {
        var color = KIND_COLORS[kind];
        return {
          type: 'custom', name: line.kinds[kind], clip: true, itemStyle: { color: color }, encode: { x: [1, 2], y: 0 },
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
    option.tooltip.formatter = function (item) {
      var v = item.value;
      return '<b>' + escaped(line.lanes[v[0]]) + '</b><br>' + (item.data.note ? escaped(item.data.note) + '<br>' : '') +
        textOf(v[1], 'seconds', 5) + ' to ' + textOf(v[2], 'seconds', 5) + ' (' + textOf(v[2] - v[1], 'seconds', 4) + ')';
    };
    return option;
  }

  // ---- page -----------------------------------------------------------------------------------------------

  function heightOf(spec, pick) {
    if (spec.kind === 'timeline') return Math.min(spec.timelines[pick].lanes.length, 32) * 20 + 116;
    if (spec.kind === 'heat') return Math.max(170, Math.min(spec.grids[pick].rows.length, 60) * 20 + 120);
    return 0;
  }
  function optionOf(spec, colors, pick) {
    if (spec.kind === 'timeline') return timelineOption(spec, colors, pick);
    if (spec.kind === 'heat') return heatOption(spec, colors, pick);
    return xyOption(spec, colors);
  }
  // How much of the canvas is painted, for the test that opens the page in a browser.
  function ink(box) {
    var canvas = box.querySelector('canvas');
    if (!canvas || !canvas.width || !canvas.height) return 0;
    var pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data, painted = 0;
    for (var i = 3; i < pixels.length; i += 4 * 97) if (pixels[i] > 0) painted++;
    return painted;
  }
  function render(entry) {
    var height = heightOf(entry.spec, entry.pick);
    if (height) entry.box.style.height = height + 'px';
    entry.chart.resize();
    entry.chart.setOption(optionOf(entry.spec, theme(), entry.pick), { notMerge: true });
    var note = entry.spec.kind === 'timeline' ? entry.spec.timelines[entry.pick].note : '';
    if (entry.note) entry.note.textContent = note;
  }
  function start(spec) {
    var box = document.getElementById('chart-' + spec.id);
    try {
      var entry = { spec: spec, box: box, pick: 0, chart: echarts.init(box, null, { renderer: 'canvas' }), note: document.getElementById('note-' + spec.id) };
      entry.chart.on('finished', function () {
        if (!box.dataset.drawn) box.dataset.ink = ink(box);
        box.dataset.drawn = 'yes';
      });
      render(entry);
      var select = document.getElementById('select-' + spec.id);
      if (select) select.addEventListener('change', function () { entry.pick = Number(select.value); render(entry); });
      charts.push(entry);
    } catch (error) {
      var still = box.parentNode.querySelector('noscript');
      box.style.height = 'auto';
      box.innerHTML = still ? still.textContent : '';
      console.error('chart ' + spec.id + ': ' + error.message);
    }
  }

  JSON.parse(document.getElementById('charts').textContent).forEach(start);
  function again() { charts.forEach(render); }
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
  window.addEventListener('beforeprint', again);
  window.addEventListener('afterprint', again);
  var waiting = 0;
  window.addEventListener('resize', function () {
    clearTimeout(waiting);
    waiting = setTimeout(function () { charts.forEach(function (entry) { entry.chart.resize(); }); }, 80);
  });
})();
