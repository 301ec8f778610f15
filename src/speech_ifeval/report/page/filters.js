// Which items are shown. Every filter counts its own choices under all the other ones.

const ITEMS = DATA.items;
const INDEX = new Map(ITEMS.map((item, number) => [item.id, number]));
const replyOf = (system, number) => system && system.replies[number];
const outcomeOf = (reply) => {
  if (!reply || reply.scored === false) return "not asked";
  return reply.followed === true ? "followed" : reply.followed === false ? "failed" : "unscored";
};
const nearMisses = (reply) =>
  [...new Set(((reply && reply.verdicts) || []).filter((one) => one.followed === false && one.near_miss).map((one) => one.near_miss))];

// What an item is, for each filter: the choices that it belongs to.
function choicesOf(number, run, sets) {
  const item = ITEMS[number];
  const ours = outcomeOf(replyOf(systemOf(run), number));
  const reference = referenceOf(run);
  const flips = [];
  const compare = (name, reply) => {
    const other = outcomeOf(reply);
    if (ours === "failed" && other === "followed") flips.push(`lost${name}`, `flip${name}`);
    if (ours === "followed" && other === "failed") flips.push(`gained${name}`, `flip${name}`);
    if (name && flips.includes(`flip${name}`)) flips.push(`other${name}`);
  };
  if (reference) compare("", replyOf(reference, number));
  DATA.runs.forEach((other, index) => { if (other !== run) compare(`-${index}`, replyOf(systemOf(other), number)); });
  const near = nearMisses(replyOf(systemOf(run), number));
  return {
    category: [item.category],
    code: [...new Set(item.constraints ? item.constraints.map((one) => one.code || one.id) : [])],
    dataset: [item.dataset],
    outcome: [ours],
    flip: flips,
    near: near.length ? ["any", ...near] : [],
    set: sets.get(number) || [],
  };
}

const cache = new Map();
function choicesFor(run) {
  if (!cache.has(run)) {
    const sets = new Map();
    for (const set of run.sets || []) for (const number of set.items) {
      if (!sets.has(number)) sets.set(number, []);
      sets.get(number).push(set.key);
    }
    cache.set(run, ITEMS.map((_, number) => choicesOf(number, run, sets)));
  }
  return cache.get(run);
}

const haystacks = [];
function haystack(number) {
  if (haystacks[number] === undefined) {
    const item = ITEMS[number];
    const said = DATA.systems.flatMap((system) => {
      const reply = system.replies[number];
      return [reply.text || "", reply.plain || ""];
    });
    haystacks[number] = [item.id, item.instruction, item.transcript || "", item.label || "", item.dataset, ...said]
      .join("\n").toLowerCase();
  }
  return haystacks[number];
}
// Words that must all occur; what stands between quotation marks is one.
const wordsOf = (query) => [...query.toLowerCase().matchAll(/"([^"]+)"|(\S+)/g)].map((found) => found[1] || found[2]);

function choose() {
  const choices = choicesFor(chosenRun());
  const words = wordsOf(state.q);
  const counts = Object.fromEntries(FILTERS.map((name) => [name, new Map()]));
  const totals = Object.fromEntries(FILTERS.map((name) => [name, 0]));
  const visible = [];
  for (let number = 0; number < ITEMS.length; number += 1) {
    if (words.length && !words.every((word) => haystack(number).includes(word))) continue;
    const here = choices[number];
    const missed = FILTERS.filter((name) => state[name] && !here[name].includes(state[name]));
    if (!missed.length) visible.push(number);
    if (missed.length > 1) continue;
    for (const name of missed.length ? missed : FILTERS) {
      totals[name] += 1;
      for (const choice of here[name]) counts[name].set(choice, (counts[name].get(choice) || 0) + 1);
    }
  }
  return { visible, counts, totals };
}

const OUTCOMES = { followed: "followed", failed: "not followed", unscored: "unscored", "not asked": "not asked" };
function labelOf(filter, choice) {
  const run = chosenRun();
  if (filter === "category") return title(choice);
  if (filter === "code") return DATA.titles[choice] ? `${choice} ${title(choice)}` : choice;
  if (filter === "outcome") return OUTCOMES[choice] || choice;
  if (filter === "near") return choice === "any" ? "any near miss" : choice;
  if (filter === "set") return ((run.sets || []).find((set) => set.key === choice) || { title: choice }).title;
  if (filter === "flip") {
    const [kind, ...other] = choice.split("-");
    const named = DATA.runs[Number(other[0])];
    const than = other.length ? (named ? named.name : "?") : "the reference";
    return { lost: `lost: only ${than} follows`, gained: `gained: ${than} does not follow`, flip: `flipped against ${than}`,
      other: `differs from ${than}` }[kind] || choice;
  }
  return choice;
}

const FILTER_NAMES = {
  category: "category", code: "code", dataset: "data set", outcome: "verdict", flip: "flipped", near: "near miss", set: "finding",
};
const ORDERS = { category: CATEGORIES, code: CODES, outcome: Object.keys(OUTCOMES), near: ["any"] };

function filterBar() {
  const search = h("input", {
    id: "search", type: "search", placeholder: "Search instruction, transcript, replies", "aria-label": "Search", autocomplete: "off",
    spellcheck: "false", value: state.q, on: { input: (event) => { state.q = event.target.value; refresh(); } },
  });
  const runs = DATA.runs.length > 1 ? h("label", { class: "filter" }, h("span", {}, "run"), h("select", {
    id: "filter-run", on: { change: (event) => { show({ ...pick(["item", "q", "category", "code", "dataset"]), run: event.target.value }, false); } },
  }, DATA.runs.map((run, index) => h("option", { value: String(index) }, run.name)))) : null;
  return h("div", { id: "filters" }, h("div", { class: "searching" }, search, h("kbd", { "aria-hidden": "true" }, "/")), runs,
    FILTERS.map((name) => h("label", { class: "filter" }, h("span", {}, FILTER_NAMES[name]), h("select", {
      id: `filter-${name}`, on: { change: (event) => { state[name] = event.target.value; refresh(); } },
    }))),
    h("button", { id: "clear", type: "button", on: { click: () => show({ run: state.run }, false) } }, "Clear"));
}
const pick = (names) => Object.fromEntries(names.map((name) => [name, state[name]]));

function fillFilters(chosen) {
  if (at("filter-run")) at("filter-run").value = state.run;
  if (at("search").value !== state.q) at("search").value = state.q;
  for (const name of FILTERS) {
    const select = at(`filter-${name}`);
    const order = ORDERS[name] || [];
    const rank = (choice) => (order.includes(choice) ? order.indexOf(choice) : order.length);
    const choices = [...chosen.counts[name].keys()];
    if (state[name] && !choices.includes(state[name])) choices.push(state[name]);
    choices.sort((a, b) => rank(a) - rank(b) ||
      (name === "set" || name === "near" || name === "dataset" ? (chosen.counts[name].get(b) || 0) - (chosen.counts[name].get(a) || 0) : 0) || (a < b ? -1 : 1));
    select.replaceChildren(h("option", { value: "" }, `all (${count(chosen.totals[name])})`), ...choices.map((choice) =>
      h("option", { value: choice }, `${labelOf(name, choice)} (${count(chosen.counts[name].get(choice) || 0)})`)));
    select.value = state[name];
    select.parentElement.hidden = choices.length === 0;
    select.classList.toggle("chosen", Boolean(state[name]));
  }
  at("clear").hidden = !FILTERS.some((name) => state[name]) && !state.q;
}
