"use strict";
// The pictures, as Vega and Vega-Lite describe them. page.js gives each its data and sets the signals (in Vega-Lite:
// params) board, workload, metric, isas and others, where a picture has them.

const ISA_COLORS = {
  rv32e: "#7a5195", rv32ec: "#00639c", rv32emc: "#d1495b", rv32ecx: "#2a9d8f", rv32dense: "#d98200",
  ebpf: "#5d7d1e", ebpf32: "#8c5a3c",
};
const FONT = 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif';
const INK = "#1c2733", SOFT = "#5b6b7b", GRID = "#e8edf1";

const isaScale = () => ({ domain: Object.keys(ISA_COLORS), range: Object.values(ISA_COLORS) });

const LITE_CONFIG = {
  font: FONT,
  view: { stroke: null },
  axis: { labelColor: SOFT, titleColor: INK, titleFontWeight: 600, titleFontSize: 13, labelFontSize: 12, gridColor: GRID,
          domainColor: "#9aa8b4", tickColor: "#9aa8b4", labelLimit: 260 },
  legend: { labelFontSize: 12, titleFontSize: 12, titleColor: SOFT, labelColor: INK },
};

// Flash against speed. Vega itself, because only it places labels so that they do not cover each other.
function tradeoffChart(points, peers, isas, start) {
  const inView = "datum.board == board && datum.workload == workload && indexof(isas, datum.isa) >= 0";
  const axis = { grid: true, gridColor: GRID, domain: false, labelColor: SOFT, titleColor: INK, titleFontSize: 13,
                 labelFontSize: 12, titlePadding: 10, tickColor: GRID };
  const spread = (scale, low, high) => ({
    name: scale, type: "log", range: scale == "x" ? "width" : "height", nice: false,
    domain: [{ signal: `extents.${scale}0 * ${low}` }, { signal: `extents.${scale}1 * ${high}` }],
  });
  const tooltip = "datum.tip";
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    description: "Flash in bytes against cycles per guest instruction, one dot per backend; the size of a dot is RAM",
    autosize: { type: "fit", contains: "padding" },
    padding: 4,
    height: 520,
    config: { text: { font: FONT }, axis: { labelFont: FONT, titleFont: FONT }, legend: { labelFont: FONT, titleFont: FONT } },
    signals: [
      { name: "width", init: "max(360, containerSize()[0] || 1000)",
        on: [{ events: { source: "window", type: "resize" }, update: "max(360, containerSize()[0] || 1000)" }] },
      { name: "board", value: start.board }, { name: "workload", value: start.workload },
      { name: "metric", value: start.metric }, { name: "isas", value: isas }, { name: "others", value: true },
      // Also when every filter is closed.
      { name: "extents", update: "length(data('span')) ? data('span')[0] : {x0: 10, x1: 100, y0: 1000, y1: 8000}" },
    ],
    data: [
      { name: "points", values: points, transform: [
        { type: "filter", expr: inView }, { type: "formula", as: "x", expr: "datum[metric]" },
        { type: "formula", as: "y", expr: "datum.flash_bytes" },
        { type: "filter", expr: "isValid(datum.x) && isValid(datum.y)" }] },
      { name: "peers", values: peers, transform: [
        // Their figures are means.
        { type: "filter", expr: "others && workload == 'geometric mean'" }, { type: "formula", as: "x", expr: "datum[metric]" },
        { type: "formula", as: "y", expr: "datum.flash_bytes" },
        { type: "filter", expr: "isValid(datum.x) && isValid(datum.y)" }] },
      { name: "span", source: ["points", "peers"], transform: [
        { type: "aggregate", fields: ["x", "x", "y", "y"], ops: ["min", "max", "min", "max"],
          as: ["x0", "x1", "y0", "y1"] }] },
      // Best in both: nothing to the left takes less flash.
      { name: "front", source: "points", transform: [
        { type: "window", sort: { field: ["x", "y"], order: ["ascending", "ascending"] }, frame: [null, -1], ignorePeers: true,
          ops: ["min"], fields: ["y"], as: ["least"] },
        { type: "filter", expr: "!isValid(datum.least) || datum.y < datum.least" },
        { type: "collect", sort: { field: "x" } }] },
    ],
    scales: [
      spread("x", 0.85, 1.3), spread("y", 0.75, 1.35),
      { name: "color", type: "ordinal", ...isaScale() },
      { name: "size", type: "sqrt", domain: [0, 4000], range: [20, 1500], clamp: true },
    ],
    axes: [
      { ...axis, orient: "bottom", scale: "x", tickCount: 8, format: "~r",
        values: [1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960],
        title: { signal: "metric == 'slowdown' ? 'slowdown against native code' : 'Cortex-M0+ cycles per guest instruction'" } },
      { ...axis, orient: "left", scale: "y", title: "flash", values: [250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000],
        encode: { labels: { update: { text: { signal: "format(datum.value / 1000, '~r') + ' kB'" } } } } },
    ],
    background: "#ffffff",
    legends: [
      { fill: "color", title: "ISA", values: isas, symbolType: "circle", symbolSize: 130, symbolOpacity: 0.8,
        symbolStrokeWidth: 0, titleColor: SOFT, labelColor: INK, labelFontSize: 12, titleFontSize: 12 },
      { size: "size", title: ["RAM besides the", "guest's own"], values: [150, 500, 1500, 4000], symbolType: "circle",
        symbolFillColor: "#c4ced6", symbolStrokeColor: "#9aa8b4", format: "~s", titleColor: SOFT, labelColor: INK,
        labelFontSize: 12, titleFontSize: 12,
        encode: { labels: { update: { text: { signal: "datum.value + ' B'" } } } } },
    ],
    marks: [
      { type: "line", from: { data: "front" }, interactive: false, encode: { update: {
        x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" }, interpolate: { value: "step-after" },
        stroke: { value: "#9cc3da" }, strokeWidth: { value: 1.5 }, strokeDash: { value: [5, 4] } } } },
      { name: "peer-dots", type: "symbol", from: { data: "peers" }, encode: { update: {
        x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" }, shape: { value: "square" },
        size: { scale: "size", field: "ram_bytes" }, stroke: { value: "#7d8790" },
        fill: { signal: "datum.checked ? '#aab3bb' : '#ffffff'" }, fillOpacity: { value: 0.75 },
        tooltip: { signal: tooltip } } } },
      { name: "dots", type: "symbol", from: { data: "points" }, encode: {
        update: {
          x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" },
          shape: { signal: "datum.silicon ? 'diamond' : 'circle'" }, size: { scale: "size", field: "ram_bytes" },
          fill: { scale: "color", field: "isa" }, fillOpacity: { value: 0.8 }, stroke: { value: "#ffffff" },
          tooltip: { signal: tooltip } },
        hover: { fillOpacity: { value: 1 }, stroke: { value: INK } } } },
      { type: "text", from: { data: "dots" }, interactive: false, encode: { update: {
        text: { field: "datum.label" }, fill: { scale: "color", field: "datum.isa" }, fontSize: { value: 12 },
        fontWeight: { value: 600 } } },
        transform: [{ type: "label", size: { signal: "[width, height]" }, avoidMarks: ["dots", "peer-dots"],
                      anchor: ["right", "left", "bottom", "top", "bottom-right", "top-right", "bottom-left", "top-left"],
                      offset: [3, 3, 2, 2, 1, 1, 1, 1] }] },
      { type: "text", from: { data: "peer-dots" }, interactive: false, encode: { update: {
        text: { field: "datum.label" }, fill: { value: SOFT }, fontSize: { value: 11.5 } } },
        transform: [{ type: "label", size: { signal: "[width, height]" }, avoidMarks: ["dots", "peer-dots"],
                      anchor: ["right", "left", "top", "bottom", "top-right", "top-left"], offset: [3] }] },
    ],
  };
}

const isaFilter = { filter: "indexof(isas, datum.isa) >= 0" };
const params = (start, isas, names) =>
  names.map((name) => ({ name, value: name == "isas" ? isas : start[name] }));

// A field of slowdowns: a row per backend, a column per workload.
function workloadsChart(rows, workloads, isas, start) {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: LITE_CONFIG,
    data: { values: rows },
    params: params(start, isas, ["board", "isas"]),
    transform: [isaFilter, { filter: "datum.board == board" }],
    width: "container", height: { step: 23 }, autosize: { type: "fit-x", contains: "padding" },
    encoding: {
      x: { field: "workload", sort: workloads, title: null, axis: { orient: "top", labelAngle: 0, ticks: false, domain: false } },
      y: { field: "name", sort: { field: "order" }, title: null, axis: { ticks: false, domain: false } },
    },
    layer: [
      { mark: { type: "rect", stroke: "#ffffff", strokeWidth: 2 },
        encoding: {
          color: { field: "slowdown", type: "quantitative", legend: null,
                   scale: { type: "log", scheme: "yelloworangered", domainMin: 1 } },
          tooltip: [{ field: "name", title: "backend" }, { field: "workload" },
                    { field: "slowdown", format: ".2f" }, { field: "cycles", format: "," },
                    { field: "native_cycles", title: "native cycles", format: "," }] } },
      { mark: { type: "text", fontSize: 12 },
        encoding: { text: { field: "slowdown", type: "quantitative", format: ".3~g" },
                    color: { condition: { test: "datum.slowdown > 45", value: "#ffffff" }, value: INK } } },
    ],
  };
}

// What a guest takes in RAM besides its own memory, in its three parts.
function ramChart(parts, isas, start) {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: LITE_CONFIG,
    data: { values: parts },
    params: params(start, isas, ["board", "workload", "isas"]),
    transform: [isaFilter, { filter: "datum.board == board && datum.workload == workload" }],
    width: "container", height: { step: 21 }, autosize: { type: "fit-x", contains: "padding" },
    mark: { type: "bar", height: { band: 0.7 } },
    encoding: {
      y: { field: "name", sort: { field: "order" }, title: null, axis: { ticks: false, domain: false } },
      x: { field: "bytes", type: "quantitative", title: "bytes", axis: { format: "~d" } },
      color: { field: "part", title: null, sort: ["state", "stack", "prepared"],
               scale: { domain: ["state", "stack", "prepared"], range: ["#00639c", "#7fb2cf", "#d98200"] },
               legend: { orient: "top", labelExpr: "{state: 'VM state', stack: 'deepest host stack', prepared: 'prepared code'}[datum.label]" } },
      order: { field: "part_order" },
      tooltip: [{ field: "name", title: "backend" }, { field: "part" }, { field: "bytes", format: "," }],
    },
  };
}

// Bytes of each driver: a row per driver, a dot per encoding.
function driversChart(rows, encodings) {
  const colors = encodings.map((name) => ISA_COLORS[name] || "#7d8790");
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: LITE_CONFIG,
    data: { values: rows },
    width: "container", height: { step: 21 }, autosize: { type: "fit-x", contains: "padding" },
    encoding: { y: { field: "driver", title: null, axis: { ticks: false, domain: false, grid: true } } },
    layer: [
      { mark: { type: "rule", color: "#d5dde3" },
        encoding: { x: { aggregate: "min", field: "bytes", type: "quantitative" }, x2: { aggregate: "max", field: "bytes" } } },
      { mark: { type: "point", filled: true, size: 75, opacity: 0.8 },
        encoding: {
          x: { field: "bytes", type: "quantitative", title: "bytes of the image",
               scale: { type: "log", nice: false, padding: 12 }, axis: { format: "~d", values: [20, 50, 100, 200, 300, 500, 800, 1200, 2000] } },
          shape: { condition: { test: "datum.encoding == 'thumb'", value: "square" }, value: "circle" },
          color: { field: "encoding", title: null, scale: { domain: encodings, range: colors }, legend: { orient: "top" } },
          tooltip: [{ field: "driver" }, { field: "encoding" }, { field: "bytes", format: "," }] } },
    ],
  };
}

// A line per backend over the commits of the history.
function trendChart(rows, isas, start) {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: LITE_CONFIG,
    data: { values: rows },
    params: params(start, isas, ["isas", "figure", "backend"]),
    transform: [isaFilter, { filter: "datum.figure == figure" },
                { filter: "backend == 'all' || datum.backend == backend" }],
    width: "container", height: 300,
    encoding: {
      x: { field: "step", type: "ordinal", title: "change", axis: { labelAngle: 0, grid: false } },
      y: { field: "value", type: "quantitative", title: null, scale: { type: "log", nice: false, padding: 24 }, axis: { format: "~r", tickCount: 7 } },
      color: { field: "isa", title: null, scale: isaScale(), legend: null },
      detail: { field: "name" },
    },
    layer: [
      { mark: { type: "line", interpolate: "step-after", strokeWidth: 1.5 } },
      { mark: { type: "point", filled: true, size: 55 },
        encoding: { tooltip: [{ field: "name", title: "backend" }, { field: "value" }, { field: "date" },
                              { field: "why", title: "change" }, { field: "commit" }] } },
      // Names where they do not cover each other.
      { transform: [{ filter: "datum.last && backend != 'all'" }],
        mark: { type: "text", align: "left", dx: 8, fontSize: 11.5, limit: 170 },
        encoding: { text: { field: "name" } } },
    ],
  };
}
