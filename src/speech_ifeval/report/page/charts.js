// Charts: rows of figures with their intervals. Places are percent of a row's width, so that a chart fits any screen
// without being drawn anew; runs differ in colour and in shape.

const SHAPES = [
  "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0Z", "M-4,-4H4V4H-4Z", "M0,-5L5,4H-5Z", "M0,5L5,-4H-5Z",
  "M-1.7,-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z", "M-5,-2.5H5V2.5H-5Z",
];
const DIAMOND = "M0,-5.2L5.2,0L0,5.2L-5.2,0Z";
const shapeOf = (series) => (series === "reference" ? DIAMOND : SHAPES[series % SHAPES.length]);
const classOf = (series) => (series === "reference" ? "s-ref" : `s-${series % 6}`);

function swatch(series, hollow) {
  return svg("svg", { class: "swatch", viewBox: "-7 -7 14 14", "aria-hidden": "true" },
    svg("path", { d: shapeOf(series), class: `point ${classOf(series)}${hollow ? " hollow" : ""}` }));
}

function scaleOf(low, high, step) {
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9; tick += step) ticks.push(Math.round(tick * 1e6) / 1e6);
  return { low, high, ticks, place: (value) => (100 * (Math.min(high, Math.max(low, value)) - low)) / (high - low) };
}
const PERCENT = scaleOf(0, 100, 20);

// A scale that holds all of the values, with round ends.
function scaleFor(values, zero = true) {
  const real = values.filter(isNumber);
  let low = Math.min(...real, zero ? 0 : Infinity);
  let high = Math.max(...real, zero ? 0 : -Infinity);
  if (!(high > low)) { low -= 1; high += 1; }
  const rough = (high - low) / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * size).find((one) => one >= rough);
  return scaleOf(Math.floor(low / step) * step, Math.ceil(high / step) * step, step);
}

const LANE = 15; // pixels of height for each figure of a row
function plot(points, scale, label, options = {}) {
  const high = Math.max(points.length, 1) * LANE + 9;
  const parts = scale.ticks.map((tick) => {
    const x = `${scale.place(tick)}%`;
    return svg("line", { x1: x, x2: x, y1: 0, y2: high, class: tick === (options.zero ?? null) ? "zero" : "grid" });
  });
  if (options.band) {
    const [from, to] = options.band.map(scale.place);
    parts.unshift(svg("rect", { x: `${from}%`, width: `${to - from}%`, y: 0, height: high, class: "band" }));
  }
  points.forEach((point, lane) => {
    const y = 5 + LANE * (lane + 0.5);
    const name = classOf(point.series);
    if (isNumber(point.low) && isNumber(point.high)) {
      const ends = [point.low, point.high].map((end) => `${scale.place(end)}%`);
      parts.push(svg("line", { x1: ends[0], x2: ends[1], y1: y, y2: y, class: `whisker ${name}` }));
      for (const x of ends) parts.push(svg("line", { x1: x, x2: x, y1: y - 3, y2: y + 3, class: `whisker ${name}` }));
    }
    if (isNumber(point.value)) {
      const hollow = point.hollow ? " hollow" : point.filled ? " filled" : "";
      parts.push(svg("svg", { x: `${scale.place(point.value)}%`, y, class: "shape" },
        svg("path", { d: shapeOf(point.series), class: `point ${name}${hollow}` }, svg("title", {}, point.tip || ""))));
    }
  });
  return svg("svg", { class: "plot", height: high, width: "100%", role: "img", "aria-label": label }, parts);
}

function axis(scale, unit) {
  return h("div", { class: "axis", "aria-hidden": "true" }, scale.ticks.map((tick, index) => {
    const last = index === scale.ticks.length - 1;
    const mark = h("span", { class: last ? "last" : index && tick !== 0 ? "between" : "" }, number(tick, false, Number.isInteger(tick) ? 0 : 2) +
      (unit && last ? ` ${unit}` : ""));
    mark.style.left = `${scale.place(tick)}%`;
    return mark;
  }));
}

// Rows of a label, a plot, and figures in columns: {label, points, cells, class}; a row without points is a heading.
function forest(rows, scale, options = {}) {
  const columns = options.columns || [];
  const grid = h("div", { class: "forest", role: "table", "aria-label": options.label });
  grid.style.setProperty("--columns", columns.length);
  grid.style.setProperty("--widths", columns.map(widthOf).join(" ") || "0");
  const line = (name, label, middle, cells) => h("div", { class: `row ${name || ""}`, role: "row" },
    h("div", { class: "label", role: "rowheader" }, label), h("div", { class: "middle", role: "cell" }, middle),
    columns.map((column, index) => h("div", { class: "cell", role: "cell", "data-name": name === "heads" ? null : nameOf(column) },
      (cells || [])[index] ?? "")));
  if (columns.length) grid.append(line("heads", "", "", columns));
  for (const row of rows) {
    const points = row.points || [];
    const label = points.map((point) => point.tip || number(point.value)).join("; ");
    grid.append(line(row.class, row.label, points.length ? plot(points, scale, label, options) : "", row.cells));
  }
  grid.append(line("axis-row", "", axis(scale, options.unit), []));
  return grid;
}

// What a column is called, without the explanation in it.
const nameOf = (column) => (typeof column === "string" ? column : column instanceof Element ? column.firstChild.data : null);
// Intervals and buttons take more room than figures.
const widthOf = (column) => (isInterval(column) ? "8.6rem" : column === "newly so" ? "6.2rem" : "minmax(3.3rem, 4.6rem)");
const isInterval = (column) => column instanceof Element && column.textContent.startsWith("95 %");

function legend(entries) {
  return h("p", { class: "legend" }, entries.map(([series, name, hollow]) =>
    h("span", {}, swatch(series, hollow), " ", name)));
}
const runLegend = () => legend([
  ...DATA.runs.map((run, index) => [index, run.name]),
  ...references.map((index) => ["reference", DATA.systems[index].name]),
]);

function pointOf(of, series, name, extra) {
  const value = of ? (of.value === undefined ? of.rate : of.value) : null;
  const interval = of && isNumber(of.low) && isNumber(of.high) ? ` (${span(of)})` : "";
  return { value, low: of && of.low, high: of && of.high, series, tip: `${name}: ${number(value)}${interval}`, ...extra };
}

// Lines over a scale, for sweeps: each {name, series, points: [{x, value, low, high}], dashed}.
function lines(all, options) {
  const wide = 640, high = 300, left = 44, bottom = 34, top = 12, right = 14;
  const xs = all.flatMap((line) => line.points.map((point) => point.x)).filter(isNumber);
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const x = (value) => left + ((wide - left - right) * (value - least)) / (most - least || 1);
  const y = (value) => high - bottom - ((high - bottom - top) * Math.min(100, Math.max(0, value))) / 100;
  const parts = [0, 20, 40, 60, 80, 100].flatMap((tick) => [
    svg("line", { x1: left, x2: wide - right, y1: y(tick), y2: y(tick), class: "grid" }),
    svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end", class: "tick" }, tick),
  ]);
  let before = -Infinity;
  for (const value of [...new Set(xs)].sort((a, b) => a - b)) {
    if (x(value) - before < 38) continue;
    before = x(value);
    parts.push(svg("text", { x: x(value), y: high - 14, "text-anchor": "middle", class: "tick" }, String(value)));
  }
  parts.push(svg("text", { x: wide - right, y: high - 1, "text-anchor": "end", class: "tick" }, options.across));
  for (const line of all) {
    const name = classOf(line.series);
    const real = line.points.filter((point) => isNumber(point.value));
    const path = real.map((point, index) => `${index ? "L" : "M"}${x(point.x).toFixed(1)},${y(point.value).toFixed(1)}`);
    parts.push(svg("path", { d: path.join(""), class: `curve ${name}${line.dashed ? " dashed" : ""}` }));
    if (line.flat) continue;
    for (const point of real) {
      if (isNumber(point.low) && isNumber(point.high)) {
        const place = x(point.x);
        parts.push(svg("line", { x1: place, x2: place, y1: y(point.low), y2: y(point.high), class: `whisker ${name}` }));
      }
      parts.push(svg("svg", { x: x(point.x), y: y(point.value), class: "shape" },
        svg("path", { d: shapeOf(line.series), class: `point ${name}${line.dashed ? " hollow" : ""}` },
          svg("title", {}, `${line.name}, ${options.across} ${point.x}: ${number(point.value)} (${span(point)})`))));
    }
  }
  const label = all.map((line) => line.name).join(", ");
  return svg("svg", { class: "lines", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": label }, parts);
}
