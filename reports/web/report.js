// Draws the charts of a report with ECharts from the JSON in #charts. Everything a chart shows is also in
// the page as an SVG inside <noscript>; where drawing fails, that SVG is shown instead.
(function () {
  'use strict';

  var SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'pin', 'arrow'];
  var ICONS = ['circle', 'path://M0 0H8V8H0Z', 'path://M4 0L8 8H0Z', 'path://M4 0L8 4L4 8L0 4Z', 'path://M1 0H7L8 1V7L7 8H1L0 7V1Z', 'path://M4 8L0 2L4 0L8 2Z',
    'path://M4 0L8 8L4 6L0 8Z'];
  // From idle to full: towards the ink, so that the busiest stands out on white and on black.
  var HEAT = ['#eef3f8', '#a9cbe3', '#4f97c7', '#12609f', '#062e5c'];
  var HEAT_ON_DARK = ['#222a33', '#1f4a70', '#2c7ab3', '#6db4e6', '#d4ecff'];
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
    return { ink: get('--ink'), soft: get('--soft'), line: get('--line'), grid: get('--grid'), paper: get('--paper'), panel: get('--panel'), dark: get('--theme') === 'dark' };
  }
  function tooltip(colors) {
    return { confine: true, backgroundColor: colors.panel, borderColor: colors.line, textStyle: { color: colors.ink, fontSize: 13 } };
  }

  // ---- lines and points ---------------------------------------------------------------------------------

  // A log axis is a linear one of exponents: ECharts' own steps from 2^10 to 2^20, which is too few labels.
  function exponents(spec) {
    var base = spec.base;
    function to(value) {
      var exact = Math.log(value) / Math.log(base), whole = Math.round(exact);
      return Math.abs(exact - whole) < 1e-9 ? whole : exact;
    }
    return spec.scale === 'log' ? { to: to, from: function (e) { return Math.pow(base, e); } }
      : { to: function (v) { return v; }, from: function (v) { return v; } };
  }
  function axis(spec, colors, vertical) {
    var log = spec.scale === 'log', map = exponents(spec), low = map.to(spec.min), high = map.to(spec.max);
    var short = log && spec.base === 10 && high - low < 2 ? spec.ticks.map(map.to) : undefined;
    return {
      type: 'value', min: low, max: high, interval: log ? Math.max(1, Math.ceil((high - low) / 9)) : undefined,
      name: spec.title, nameLocation: 'middle', nameGap: vertical ? 66 : 30, nameTextStyle: { color: colors.soft, fontSize: 13 },
      axisLabel: { color: colors.soft, fontSize: 12, hideOverlap: true, customValues: short, formatter: function (v) { return textOf(map.from(v), spec.unit, 4); } },
      axisLine: { show: true, lineStyle: { color: colors.soft }, onZero: false }, axisTick: { customValues: short, lineStyle: { color: colors.soft } },
      splitLine: { show: true, customValues: short, lineStyle: { color: colors.grid } }
    };
  }
  function bandSeries(series, color, map) {
    var points = series.points.filter(function (p) { return p[2] !== null && p[3] !== null; });
    if (points.length < 2 || (series.style !== 'line' && series.style !== 'guide')) return null;
    return {
      type: 'custom', name: series.name, silent: true, z: 1, clip: true, data: [[map.x.to(points[0][0]), map.y.to(points[0][1])]], tooltip: { show: false },
      itemStyle: { color: color },
      renderItem: function (params, api) {
        var upper = points.map(function (p) { return api.coord([map.x.to(p[0]), map.y.to(p[3])]); });
        var lower = points.map(function (p) { return api.coord([map.x.to(p[0]), map.y.to(p[2])]); }).reverse();
        return { type: 'polygon', shape: { points: upper.concat(lower) }, style: { fill: color, opacity: series.style === 'guide' ? 0.09 : map.lines > 4 ? 0.06 : 0.13 } };
      }
    };
  }
  function whiskerSeries(series, color, map) {
    var points = series.points.filter(function (p) { return p[2] !== null && p[3] !== null; });
    if (points.length === 0 || series.style !== 'points') return null;
    return {
      type: 'custom', name: series.name, silent: true, z: 1, clip: true, data: points.map(function (p) { return [map.x.to(p[0]), map.y.to(p[2]), map.y.to(p[3])]; }),
      tooltip: { show: false }, itemStyle: { color: color },
      renderItem: function (params, api) {
        var low = api.coord([api.value(0), api.value(1)]), high = api.coord([api.value(0), api.value(2)]);
        return { type: 'line', shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] }, style: { stroke: color, opacity: 0.3, lineWidth: 1 } };
      }
    };
  }
  function drawnSeries(series, color, colors, map) {
    var halo = series.style === 'halo', guide = series.style === 'guide' || halo, points = series.style === 'points';
    var measured = series.marks === 'hollow';
    return {
      type: points ? 'scatter' : 'line', name: series.name, z: halo ? 2 : points ? 4 : 3, clip: true,
      data: series.points.map(function (p) { return { value: [map.x.to(p[0]), map.y.to(p[1])], point: p }; }),
      symbol: guide ? 'none' : SYMBOLS[series.color % SYMBOLS.length], symbolSize: points ? (measured ? 8 : 6) : 6, showAllSymbol: true,
      lineStyle: { color: guide ? colors.soft : color, width: halo ? 9 : guide ? 1.5 : 2, type: guide && !halo ? 'dashed' : 'solid', opacity: halo ? 0.3 : 1, cap: 'round', join: 'round' },
      itemStyle: measured ? { color: colors.paper, borderColor: color, borderWidth: 1.8 } : { color: guide ? colors.soft : color, opacity: points ? 0.75 : 1 },
      emphasis: { focus: 'series' }, silent: guide, tooltip: { show: !guide }
    };
  }
  function markLines(markers, colors, map) {
    return {
      symbol: 'none', silent: true, animation: false, lineStyle: { color: colors.ink, type: 'dotted', width: 1.2 },
      data: markers.map(function (m, i) {
        return { xAxis: map.x.to(m.x), label: { formatter: m.short, position: 'end', distance: 3 + 15 * (i % 2), color: colors.ink, fontSize: 12, rotate: 0 } };
      })
    };
  }
  function legendItem(series, colors) {
    if (series.style === 'guide') return { name: series.name, icon: 'path://M0 5H8V7H0ZM14 5H22V7H14Z', itemStyle: { color: colors.soft } };
    if (series.style === 'halo') return { name: series.name, icon: 'rect', itemStyle: { color: colors.soft, opacity: 0.4 } };
    // Paths keep their shape in the legend; ECharts' own marks are stretched to its width.
    return series.style === 'points' ? { name: series.name, icon: ICONS[series.color % ICONS.length] } : { name: series.name };
  }
  // As ECharts wraps them, near enough: 6.4 px a letter, and the mark and gap of each entry.
  function legendRows(entries, width) {
    var rows = 1, x = 0;
    entries.forEach(function (series) {
      var need = 38 + 6.4 * series.name.length;
      if (x > 0 && x + need > width - 8) { rows++; x = 0; }
      x += need;
    });
    return rows;
  }
  function xyOption(spec, colors, width) {
    var map = { x: exponents(spec.x), y: exponents(spec.y), lines: spec.series.filter(function (s) { return s.style === 'line'; }).length };
    var all = [], names = [], several = spec.markers.length > 1;
    spec.series.forEach(function (series) {
      var palette = colors.dark ? spec.palette_on_dark : spec.palette;
      var color = palette[series.color % palette.length];
      names.push(legendItem(series, colors));
      all.push(drawnSeries(series, color, colors, map));
      [bandSeries(series, series.style === 'guide' ? colors.soft : color, map), whiskerSeries(series, color, map)].forEach(function (extra) { if (extra) all.push(extra); });
    });
    if (spec.markers.length > 0 && all.length > 0) all[0].markLine = markLines(spec.markers, colors, map);
    var option = {
      animation: false, series: all, tooltip: tooltip(colors),
      legend: { top: 0, left: 4, data: names, textStyle: { color: colors.ink, fontSize: 13 }, itemWidth: 22, itemHeight: 8, itemGap: 12, inactiveColor: colors.line },
      grid: { left: 84, right: 26, top: legendRows(spec.series, width) * 24 + (several ? 38 : spec.markers.length ? 24 : 12), bottom: 48 },
      xAxis: axis(spec.x, colors, false), yAxis: axis(spec.y, colors, true)
    };
    option.tooltip.formatter = function (item) {
      var point = item.data.point;
      var text = '<b>' + escaped(item.seriesName) + '</b><br>' + escaped(spec.x.title) + ' ' + textOf(point[0], spec.x.unit, 4) +
        '<br>' + escaped(spec.y.title) + ' <b>' + textOf(point[1], spec.y.unit, 4) + '</b>';
      if (point[2] !== null && point[3] !== null) {
        text += '<br>band ' + textOf(point[2], spec.y.unit, 4) + ' to ' + textOf(point[3], spec.y.unit, 4);
      }
      return point[4] ? text + '<br>' + escaped(point[4]) : text;
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
        inRange: { color: colors.dark ? HEAT_ON_DARK : HEAT }, textStyle: { color: colors.soft }, formatter: function (v) { return trimmed(v * 100, 3) + ' %'; } },
      series: [{ type: 'heatmap', data: grid.cells.map(function (c) { return { value: [c[0], c[1], c[2]], note: c[3] }; }),
        itemStyle: { borderColor: colors.paper, borderWidth: 1 }, emphasis: { itemStyle: { borderColor: colors.ink } } }]
    };
    option.tooltip.formatter = function (item) { return escaped(item.data.note); };
    return option;
  }

  // ---- page -----------------------------------------------------------------------------------------------

  // What charts of other files need of this one.
  function tools(colors, width) {
    return { text: textOf, escaped: escaped, tooltip: tooltip(colors), legendRows: legendRows, width: width };
  }
  function heightOf(spec, pick, width) {
    if (spec.kind === 'timeline') return window.windtunnelTimeline.height(spec, pick, tools(theme(), width));
    if (spec.kind === 'bars') return window.windtunnelBars.height(spec);
    if (spec.kind === 'heat') return Math.max(170, Math.min(spec.grids[pick].rows.length, 60) * 20 + 120);
    return 0;
  }
  function optionOf(spec, colors, pick, width) {
    if (spec.kind === 'timeline') return window.windtunnelTimeline.option(spec, colors, pick, tools(colors, width));
    if (spec.kind === 'heat') return heatOption(spec, colors, pick);
    if (spec.kind === 'bars') return window.windtunnelBars(spec, colors, tools(colors, width));
    return xyOption(spec, colors, width);
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
    var height = heightOf(entry.spec, entry.pick, entry.box.clientWidth);
    if (height) entry.box.style.height = height + 'px';
    entry.chart.resize();
    entry.chart.setOption(optionOf(entry.spec, theme(), entry.pick, entry.chart.getWidth()), { notMerge: true });
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
    waiting = setTimeout(function () { again(); }, 80);
  });
})();
