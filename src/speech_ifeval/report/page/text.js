// Text on the page. Whatever comes from the data is put there as text, by text nodes alone: no markup is ever made
// from it, and characters that hide or turn text around are shown by their number.

const at = (id) => document.getElementById(id);
const DATA = JSON.parse(at("data").textContent);
at("data").remove();

// Control characters, marks that turn the direction of text, and those that take no room.
const HIDDEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e" +
  "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]", "g");

function shown(text) {
  const parts = document.createDocumentFragment();
  let done = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > done) parts.append(text.slice(done, found.index));
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    parts.append(h("span", { class: "hidden-mark", title: "a character that is not seen" }, "U+" + code));
    done = found.index + found[0].length;
  }
  if (done < text.length) parts.append(text.slice(done));
  return parts;
}

// Text with some of its parts marked; positions count code points, as Python does.
function marked(text, marks, name, title) {
  if (!marks || !marks.length) return shown(text);
  const parts = document.createDocumentFragment();
  const points = Array.from(text);
  let done = 0;
  for (const [start, end] of marks) {
    parts.append(shown(points.slice(done, start).join("")));
    parts.append(h("mark", { class: name, title }, shown(points.slice(start, end).join(""))));
    done = end;
  }
  parts.append(shown(points.slice(done).join("")));
  return parts;
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(3)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(typeof child === "object" ? child : shown(String(child)));
  }
  return element;
}

const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

const NONE = "–";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
function number(value, signed, digits = 2) {
  if (!isNumber(value)) return NONE;
  const text = Math.abs(value).toFixed(digits);
  const zero = Number(text) === 0;
  return (value < 0 && !zero ? "−" : signed ? "+" : "") + text;
}
const span = (of, signed) =>
  of && isNumber(of.low) && isNumber(of.high) ? `${number(of.low, signed)} to ${number(of.high, signed)}` : NONE;
const pValue = (p) => (!isNumber(p) ? NONE : p < 0.001 ? "<0.001" : p.toFixed(3));
const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, " ");
const plural = (many, one, more) => `${count(many)} ${many === 1 ? one : more || one + "s"}`;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const TERMS = {
  "IFrate": "Instruction-following rate: the mean of the three following rates (closed-ended, creative writing, chain " +
    "of thought), in percent. Each category weighs alike.",
  "Δ": "Forgetting rate: how far IFrate lies from that of the reference system, in percent of the reference's. Negative " +
    "is forgetting.",
  "points": "IFrate less the reference's, in percentage points. The same Δ on different references is not the same loss, " +
    "so both are shown.",
  "following rate": "Of the scored items, the share whose constraints are all followed.",
  "reference": "The text language model that the speech model was made from. It reads the transcript instead of hearing " +
    "the clip.",
  "95 %": "An interval that holds the true figure 95 times of 100. Clips, not items, are what is drawn: several items may " +
    "share a clip.",
  "scored": "Items or constraints with a verdict.",
  "unscored": "No verdict could be had (no reply, no judge, a reply of the judge that cannot be read). Counted apart, " +
    "never as followed or not.",
  "signature": "What the figures were made with. Figures are comparable where their signatures agree.",
  "code": "The family of a constraint: CC change case, SE start or end, WR wrap, JS JSON, BP bullet points, KW keywords, " +
    "LN length, CoT chain of thought.",
  "lost": "Constraints that only the reference follows.",
  "gained": "Constraints that only this run follows.",
  "p (Holm)": "Of a paired test, adjusted over the rows of the table (Holm). Below 0.05 the difference is taken as real.",
  "near miss": "A failure by a hair that has a name, such as JSON that lacks its last bracket.",
  "twin": "The same question without its constraint.",
  "WER": "Word error rate: substitutions, deletions and insertions per word of the transcript, in percent. Lower is " +
    "better; it can exceed 100.",
  "severity": "Severe: the whole interval is beyond the threshold. Notable: the figure is. Note: it is not, but there is " +
    "something.",
};
let termCount = 0;
function term(name, label) {
  const id = `term-${termCount += 1}`;
  return h("span", { class: "term", tabindex: "0", "aria-describedby": id }, label || name,
    h("span", { class: "tip", role: "tooltip", id }, TERMS[name]));
}

function table(heads, rows, options = {}) {
  const cell = (content, index, name) =>
    h(name, { class: index < (options.texts || 1) ? "word" : "figure", scope: name === "th" ? "col" : null }, content);
  return h("div", { class: "scroll" }, h("table", { class: options.class },
    options.caption ? h("caption", {}, options.caption) : null,
    h("thead", {}, h("tr", {}, heads.map((head, index) => cell(head, index, "th")))),
    h("tbody", {}, rows.map((row) =>
      h("tr", { class: row.class }, (row.cells || row).map((content, index) => cell(content, index, "td")))))));
}

function more(summary, ...content) {
  return h("details", { class: "more" }, h("summary", {}, summary), content);
}

function say(text) { at("said").textContent = text; }

async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
    element.classList.add("copied");
    setTimeout(() => element.classList.remove("copied"), 1200);
  } catch (error) { // no permission: the text is selected instead
    getSelection().selectAllChildren(element);
    say("Selected; copy it by hand");
  }
}
