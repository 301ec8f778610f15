// The list of items: only the rows that can be seen are on the page.

const ROW = 58; // pixels; the style gives rows the same height
let visible = [];
let chosen = null;

function glyph(reply) {
  const outcome = outcomeOf(reply);
  const [sign, name] = { followed: ["✓", "yes"], failed: ["✗", "no"], unscored: ["?", "none"], "not asked": ["·", "none"] }[outcome];
  return h("span", { class: `glyph ${name}`, title: OUTCOMES[outcome] }, sign);
}

function rowOf(position) {
  const number = visible[position];
  const item = ITEMS[number];
  const reference = referenceOf(chosenRun());
  const near = nearMisses(replyOf(systemOf(chosenRun()), number));
  const codes = [...new Set((item.constraints || []).map((one) => one.code).filter(Boolean))];
  const points = Array.from(item.instruction);
  const demand = item.demand ? points.slice(item.demand[0], item.demand[1]).join("") : item.instruction;
  const row = h("div", {
    class: `item${item.id === state.item ? " chosen" : ""}`, role: "option", id: `row-${position}`, "aria-selected": String(item.id === state.item),
    "aria-posinset": String(position + 1), "aria-setsize": String(visible.length), on: { click: () => openItem(item.id) },
  },
  h("span", { class: "glyphs" }, DATA.runs.map((run) => glyph(replyOf(systemOf(run), number))),
    reference ? h("span", { class: "of-reference" }, glyph(replyOf(reference, number))) : null),
  h("span", { class: "line" }, h("span", { class: "id" }, item.id), codes.map((code) => h("span", { class: "code" }, code)),
    near.length ? h("span", { class: "near", title: "near miss" }, near[0]) : null, h("span", { class: "dataset" }, item.dataset)),
  h("span", { class: "snippet", dir: "auto" }, demand.slice(0, 160).replace(/\s+/g, " ")));
  row.style.transform = `translateY(${position * ROW}px)`;
  return row;
}

function drawRows() {
  const list = at("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
  const last = Math.min(visible.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
  const rows = [];
  for (let position = first; position < last; position += 1) rows.push(rowOf(position));
  at("rows").replaceChildren(...rows);
  at("rows").style.height = `${visible.length * ROW}px`;
  const here = visible.indexOf(INDEX.get(state.item));
  if (here >= first && here < last) list.setAttribute("aria-activedescendant", `row-${here}`);
  else list.removeAttribute("aria-activedescendant");
}

function reveal() {
  const position = visible.indexOf(INDEX.get(state.item));
  const list = at("list");
  if (position < 0) return;
  if (position * ROW < list.scrollTop) list.scrollTop = position * ROW;
  if ((position + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (position + 1) * ROW - list.clientHeight;
}

// Filters have changed, or the item: everything that depends on them is drawn again.
function refresh() {
  chosen = choose();
  visible = chosen.visible;
  if (!visible.includes(INDEX.get(state.item))) state.item = visible.length ? ITEMS[visible[0]].id : "";
  fillFilters(chosen);
  at("count").replaceChildren(h("b", {}, count(visible.length)), ` of ${plural(ITEMS.length, "item")}`);
  at("nothing").hidden = visible.length > 0;
  reveal();
  drawRows();
  drawDetail();
  writeAddress();
}

function move(by) {
  const position = visible.indexOf(INDEX.get(state.item));
  const next = Math.min(visible.length - 1, Math.max(0, position + by));
  if (!visible.length) return;
  state.item = ITEMS[visible[next]].id;
  reveal();
  drawRows();
  drawDetail();
  writeAddress();
  bringItems();
}

function openItem(id) {
  if (!INDEX.has(id)) return;
  if (!visible.includes(INDEX.get(id))) for (const key of [...FILTERS, "q"]) state[key] = "";
  state.item = id;
  document.body.classList.add("reading");
  refresh();
  bringItems();
}

function closeItem() { document.body.classList.remove("reading"); }

// Show the items that a filter takes, all other filters off.
function show(filter, goes = true) {
  for (const key of KEYS) if (key !== "run") state[key] = "";
  Object.assign(state, filter);
  at("list").scrollTop = 0;
  refresh();
  if (goes) bringItems();
}

const itemsButton = (label, filter) => h("button", {
  type: "button", class: "button", on: { click: (event) => { event.preventDefault(); event.stopPropagation(); show(filter); } },
}, label, h("span", { class: "arrow" }, " →"));

function bringItems() {
  const box = at("workspace").getBoundingClientRect();
  if (box.top < 0 || box.top > innerHeight * 0.4) at("items").scrollIntoView({ block: "start" });
}

function itemsSection() {
  return h("section", { id: "items" },
    h("div", { class: "items-head" }, h("h2", {}, "Items"), h("p", { id: "count", role: "status" })),
    filterBar(),
    h("div", { id: "workspace" },
      h("div", { id: "list", role: "listbox", tabindex: "0", "aria-label": "Items" }, h("div", { id: "rows" }),
        h("p", { id: "nothing", hidden: true }, "No item passes these filters.")),
      h("article", { id: "detail", tabindex: "-1", "aria-label": "Item" })));
}
