// The page, put together; keys; light and dark.

const KEYS_HELP = [
  ["j, k", "next or previous item (↓ and ↑ in the list)"], ["/", "search"], ["Enter", "read the item"],
  ["Esc", "back; empty the search"], ["p", "play or pause the clip"], ["t", "light or dark"], ["?", "this help"],
];

function goTo(event) {
  event.preventDefault();
  const section = at(event.currentTarget.getAttribute("href").slice(1));
  if (section) section.scrollIntoView({ block: "start" });
}

function helpPart() {
  return [
    h("h2", { id: "help-title" }, "Help"),
    h("table", { class: "keys" }, h("tbody", {}, KEYS_HELP.map(([key, what]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, what))))),
    h("h3", {}, "Words"),
    h("dl", { class: "words" }, Object.entries(TERMS).map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])),
    h("p", { class: "hint" }, "The address holds the item and the filters: copy it to lead somebody there. Search takes words that must " +
      "all occur, and \"phrases\". Figures are computed from the verdicts; method: arXiv 2505.19037."),
    h("form", { method: "dialog" }, h("button", { class: "button" }, "Close")),
  ];
}

function theme(wanted) {
  const dark = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = wanted || (dark === "dark" ? "light" : "dark");
  document.documentElement.dataset.theme = next;
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
  const inside = event.target.closest("input, select, textarea");
  if (event.key === "Escape") {
    if (event.target.id === "search") {
      state.q = "";
      refresh();
      at("list").focus();
    } else if (document.body.classList.contains("reading")) closeItem();
    if (at("detail").contains(document.activeElement)) at("list").focus({ preventScroll: true });
    return;
  }
  if (event.target.id === "search" && event.key === "Enter") { at("list").focus(); return; }
  if (inside) return;
  const within = at("workspace").contains(event.target) && event.target.tagName !== "AUDIO";
  const act = {
    j: () => move(1), k: () => move(-1), "/": () => { at("search").focus(); bringItems(); at("search").select(); },
    "?": () => at("help").showModal(), t: () => theme(),
    p: () => { const clip = at("audio"); if (clip) { if (clip.paused) clip.play(); else clip.pause(); } },
    ...(within ? { ArrowDown: () => move(1), ArrowUp: () => move(-1) } : {}),
    ...(event.target === at("list") || event.target === document.body ? { Enter: () => {
      if (!state.item) return;
      document.body.classList.add("reading");
      bringItems();
      at("detail").focus({ preventScroll: true });
    } } : {}),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

// Paper cannot be clicked: signatures, findings and tables are opened for it; of an item, what the reader has opened.
let unfolded = [];
function unfold() {
  unfolded = [...document.querySelectorAll("main details:not([open])")].filter((part) => !part.closest("#detail"));
  for (const part of unfolded) part.open = true;
}
function foldAgain() { for (const part of unfolded) part.open = false; }

const NAMES = {
  overview: "Overview", codes: "Followed", task: "Task", sensitivity: "Sensitivity", diagnosis: "Diagnosis", analyses: "Analyses", items: "Items",
};

// An item that a link names is shown, though the filters beside it would not.
function keepLinked() {
  const number = INDEX.get(state.item);
  if (number !== undefined && !choose().visible.includes(number)) for (const key of [...FILTERS, "q"]) state[key] = "";
}

function start() {
  readAddress();
  const linked = Boolean(state.item) && INDEX.has(state.item);
  document.title = `${DATA.runs.map((run) => run.name).join(", ")} · speech-ifeval report`;
  const audio = DATA.audio;
  at("about").append(h("span", {}, `${DATA.benchmark} · ${plural(ITEMS.length, "item")}`));
  const sections = [overviewSection(), codesSection(), taskSection(), sensitivitySection(), diagnosisSection(), analysesSection(), itemsSection()]
    .filter(Boolean);
  const size = audio.mode === "embed" ? `${plural(audio.clips, "clip")} in this page, ${number(audio.size / 1e6, false, 1)} MB of Opus`
    : audio.mode === "link" ? `${plural(audio.clips, "clip")} linked to` : "no audio in this page";
  at("main").replaceChildren(...sections, h("footer", {}, `speech-ifeval ${DATA.version} · benchmark ${DATA.benchmark}-${DATA.fingerprint} · ${size} · `,
    "method: arXiv 2505.19037"));
  at("nav").append(...sections.map((section) => h("a", { href: `#${section.id}`, on: { click: goTo } }, NAMES[section.id])));
  at("help").append(...helpPart().flat());
  at("ask").addEventListener("click", () => at("help").showModal());
  at("theme").addEventListener("click", () => theme());
  at("list").addEventListener("scroll", () => requestAnimationFrame(drawRows));
  addEventListener("resize", () => requestAnimationFrame(drawRows));
  addEventListener("keydown", pressed);
  addEventListener("hashchange", () => { if (location.hash.includes("=")) { readAddress(); keepLinked(); refresh(); bringItems(); } });
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", foldAgain);
  if (linked) keepLinked();
  const addressed = location.hash.includes("=");
  refresh();
  if (linked) document.body.classList.add("reading");
  if (addressed) at("items").scrollIntoView({ block: "start" });
  document.documentElement.dataset.ready = "yes";
}

start();
