"use strict";
// Puts the report's data into the page: pictures, tables, filters. Tests look at window.report.

const data = JSON.parse(document.getElementById("report-data").textContent);
const $ = (id) => document.getElementById(id);
const MEAN = "geometric mean";
const boards = [...new Set(data.points.map((point) => point.board))];
const isas = Object.keys(ISA_COLORS).filter((isa) => data.points.some((point) => point.isa == isa));
const workloads = [MEAN, ...data.workloads];
const state = { board: boards[0], workload: MEAN, metric: "cycles_per_insn", isas, others: true, figure: "flash_bytes",
                backend: "all" };
const views = {};
window.report = { state, views, ready: false };

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const figure = (value, digits) =>
  value === null || value === undefined ? "" : typeof value == "string" ? value
    : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

// Fills a table: columns are {key, title, digits?, wrap?}; digits make it a column of numbers.
function fillTable(table, columns, rows, extra = () => ({})) {
  const head = element("tr"), body = element("tbody");
  for (const column of columns)
    head.append(element("th", column.title, { scope: "col", ...(column.digits === undefined ? {} : { class: "number" }), ...extra(column) }));
  for (const row of rows) {
    const line = element("tr");
    for (const column of columns) {
      const kind = column.digits !== undefined ? "number" : column.wrap ? "wrap" : "";
      line.append(element("td", figure(row[column.key], column.digits || 0), kind ? { class: kind } : {}));
    }
    body.append(line);
  }
  const top = element("thead");
  top.append(head);
  table.replaceChildren(top, body);
}

const FIGURES = [
  { key: "backend", title: "backend" }, { key: "isa", title: "ISA" }, { key: "opt", title: "built" },
  { key: "flash_bytes", title: "flash B", digits: 0 }, { key: "state_bytes", title: "state B", digits: 0 },
  { key: "stack_bytes", title: "stack B", digits: 0 }, { key: "prepared_bytes", title: "prepared B", digits: 0 },
  { key: "cycles_per_insn", title: "cycles/insn", digits: 1 }, { key: "gsd", title: "gsd", digits: 2 },
  { key: "slowdown", title: "slowdown", digits: 1 }, { key: "empty_cycles", title: "empty call", digits: 0 },
  { key: "host_call_cycles", title: "one host call", digits: 0 },
  { key: "prepare_cycles", title: "prepare", digits: 0 },
];
const order = { key: "cycles_per_insn", sign: 1 };

function drawFigures() {
  const rows = data.points.filter((point) =>
    point.board == state.board && point.workload == state.workload && state.isas.includes(point.isa));
  const compare = (a, b) => (typeof a == "string" ? a.localeCompare(b) : a - b);
  rows.sort((a, b) => order.sign * compare(a[order.key], b[order.key]));
  fillTable($("figures"), FIGURES, rows, (column) =>
    column.key == order.key ? { "aria-sort": order.sign > 0 ? "ascending" : "descending" } : {});
}

$("figures").addEventListener("click", (event) => {
  const head = event.target.closest("th");
  if (!head) return;
  const key = FIGURES[head.cellIndex].key;
  order.sign = order.key == key ? -order.sign : 1;
  order.key = key;
  drawFigures();
});

function drawTiles() {
  const board = data.points.filter((point) => point.board == state.board && point.workload == MEAN);
  const best = (key, from) => from.reduce((a, b) => (b[key] < a[key] ? b : a));
  const tiles = [
    ["least flash", best("flash_bytes", board), (p) => `${figure(p.flash_bytes)} B`],
    ["fewest cycles per guest instruction", best("cycles_per_insn", board), (p) => p.cycles_per_insn.toFixed(1)],
    ["nearest to native speed", best("slowdown", board), (p) => `${p.slowdown.toFixed(1)}\u00d7`],
    ["least RAM besides the guest's own", best("ram_bytes", board), (p) => `${figure(p.ram_bytes)} B`],
  ];
  $("tiles").replaceChildren(...tiles.map(([what, point, text]) => {
    const tile = element("div", null, { class: "tile" });
    tile.append(element("span", what), element("b", text(point)), element("span", `${point.label}, ${point.isa}`));
    return tile;
  }));
}

// Every filter ends here: the state goes into each picture that knows the signal.
async function apply() {
  for (const view of Object.values(views)) {
    for (const [name, value] of Object.entries(state))
      try { view.signal(name, value); } catch { /* this picture has no such signal */ }
    await view.runAsync();
  }
  drawFigures();
  drawTiles();
}

function addFilters() {
  for (const isa of isas) {
    const label = element("label"), box = element("input", null, { type: "checkbox", value: isa, checked: "" });
    label.append(box, element("span", null, { class: "dot", style: `background:${ISA_COLORS[isa]}` }), isa);
    $("isas").append(label);
  }
  for (const [id, values] of [["board", boards], ["workload", workloads]])
    $(id).append(...values.map((value) => element("option", value, { value })));
  $("filters").addEventListener("change", () => {
    state.isas = [...$("isas").querySelectorAll("input:checked")].map((box) => box.value);
    for (const id of ["board", "workload", "metric"]) state[id] = $(id).value;
    state.others = $("others").checked;
    window.report.applied = apply();
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("trend-backend").append(...["all", ...new Set(data.trend.map((row) => row.backend))].map((value) => element("option", value, { value })));
  for (const name of ["figure", "backend"])
    $(`trend-${name}`).addEventListener("change", (event) => {
      state[name] = event.target.value;
      window.report.applied = apply();
    });
}

const chartData = {
  // The slowdown of each workload, the mean among them.
  workloads: () => data.points.map(({ name, order: rank, isa, board, workload, slowdown, cycles, native_cycles }) =>
    ({ name, order: rank, isa, board, workload, slowdown, cycles, native_cycles })),
  ram: () => data.points.flatMap((point) => ["state", "stack", "prepared"].map((part, part_order) => ({
    name: point.name, order: point.order, isa: point.isa, board: point.board, workload: point.workload, part, part_order,
    bytes: point[`${part}_bytes`] }))),
  drivers: () => data.drivers.flatMap(({ driver, ...bytes }) =>
    Object.entries(bytes).map(([encoding, value]) => ({ driver, encoding, bytes: value }))),
};

async function draw(id, spec) {
  const made = await vegaEmbed(`#${id}`, spec, { renderer: "svg", actions: false, tooltip: { theme: "light" } });
  views[id] = made.view;
}

async function main() {
  $("commit").textContent = data.commit_line;
  addFilters();
  fillTable($("peers"), data.peer_columns, data.peers);
  fillTable($("published"), data.published_columns, data.published);
  fillTable($("commits"), data.commit_columns, data.commits);
  await draw("tradeoff", tradeoffChart(data.points, data.peers, isas, state));
  await draw("workloads", workloadsChart(chartData.workloads(), workloads, isas, state));
  await draw("ram", ramChart(chartData.ram(), isas, state));
  if (data.drivers.length) await draw("drivers", driversChart(chartData.drivers(), Object.keys(data.drivers[0]).slice(1)));
  else $("drivers-section").remove();
  await draw("trend", trendChart(data.trend, isas, state));
  await apply();
  window.report.ready = true;
}

main().catch((error) => {
  window.report.error = String(error);
  document.body.prepend(element("p", `The page could not be drawn: ${error}`));
});
