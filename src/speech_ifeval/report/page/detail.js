// One item: what was asked, what each system replied, and why that follows or does not.

const USES = { reasoning: "does it reason step by step", accuracy: "is the answer right", transcript: "which part is the transcript" };

function drawDetail() {
  const detail = at("detail");
  const number = INDEX.get(state.item);
  if (number === undefined) {
    detail.replaceChildren();
    return;
  }
  const item = ITEMS[number];
  const position = visible.indexOf(number);
  const run = chosenRun();
  const systems = [];
  DATA.runs.forEach((one, index) => systems.push([systemOf(one), index]));
  for (const index of references) systems.push([DATA.systems[index], "reference"]);
  const flagged = (run.sets || []).filter((set) => set.items.includes(number));
  detail.replaceChildren(...[
    h("div", { class: "detail-head" },
      h("button", { type: "button", id: "back", on: { click: closeItem } }, "← List"),
      h("h3", {}, item.id),
      h("button", { type: "button", class: "link", title: "Copy a link to this item", on: {
        click: (event) => copy(location.href.split("#")[0] + addressOf({ item: item.id }), event.currentTarget) } }, "link"),
      h("span", { class: "stretch" }),
      h("button", { type: "button", id: "previous", "aria-label": "Previous item", disabled: position <= 0, on: { click: () => move(-1) } }, "↑"),
      h("button", { type: "button", id: "next", "aria-label": "Next item", disabled: position >= visible.length - 1, on: { click: () => move(1) } }, "↓")),
    h("p", { class: "tags" }, [title(item.category), item.dataset, item.source].filter(Boolean).map((tag) => h("span", { class: "tag" }, tag)),
      (item.constraints || []).map((one) => h("span", { class: "tag constraint", title: "the constraint" },
        one.code ? [h("b", {}, one.code), " "] : "", one.id, one.kwargs ? h("span", { class: "kwargs" }, ` ${one.kwargs}`) : ""))),
    h("div", { class: "text instruction", dir: "auto", id: "instruction" },
      marked(item.instruction, item.demand ? [item.demand] : [], "demand", "the constraint")),
    clipPart(item),
    h("dl", { class: "facts-line" },
      item.label ? [h("dt", {}, "label"), h("dd", { dir: "auto" }, item.label)] : null,
      item.transcript ? [h("dt", {}, "transcript"), h("dd", { dir: "auto" }, item.transcript)] : null,
      item.withheld ? [h("dt", {}, "transcript"), h("dd", { class: "hint" }, `left out: nothing is known that allows passing on what is said in clips of ${item.source || "an unknown source"}`)] : null),
    h("div", { class: `replies many-${Math.min(systems.length, 4)}` }, systems.map(([system, series]) => replyPart(system, series, number))),
    flagged.length ? h("p", { class: "hint flagged" }, "Found here: ", flagged.map((set) => h("button", { type: "button", class: "link", on: {
      click: () => show({ run: state.run, set: set.key, item: item.id }) } }, set.title)).flatMap((one, index) => (index ? [", ", one] : [one]))) : null,
  ].filter(Boolean));
  detail.scrollTop = 0;
  highlight(detail);
}

function clipPart(item) {
  if (!isNumber(item.clip)) return null;
  const block = at(`clip-${item.clip}`);
  const source = block ? `data:audio/ogg;base64,${block.textContent}` : (DATA.audio.sources || [])[item.clip];
  if (!source || !(source.startsWith("data:audio/ogg;base64,") || source.startsWith("./"))) return null;
  return h("div", { class: "clip" }, h("audio", { id: "audio", controls: true, preload: "metadata", src: source, "aria-label": `Clip ${item.clip_name}` }),
    h("small", {}, item.clip_name));
}

function verdictLine(item, verdict) {
  const constraint = (item.constraints || [])[verdict.index || 0];
  const name = constraint ? constraint.id : "";
  const followed = verdict.followed === undefined ? true : verdict.followed;
  const sign = followed === true ? "✓" : followed === false ? "✗" : "?";
  const word = followed === true ? "followed" : followed === false ? "not followed" : "unscored";
  return h("p", { class: `verdict ${followed === true ? "yes" : followed === false ? "no" : "none"}` },
    h("b", {}, `${sign} ${word}`), (item.constraints || []).length > 1 ? h("small", {}, ` ${name}`) : "",
    verdict.reason ? h("span", { class: "reason", dir: "auto" }, verdict.reason) : "",
    verdict.near_miss ? h("span", { class: "near" }, verdict.near_miss) : "",
    verdict.otherwise ? h("small", {}, ` the rules ${verdict.otherwise} decide the other way`) : "");
}

function rightness(right) {
  return isBoolean(right) ? h("span", { class: `answer ${right ? "yes" : "no"}` }, right ? "answer right" : "answer wrong") : null;
}
const isBoolean = (value) => value === true || value === false;

function replyPart(system, series, number) {
  const item = ITEMS[number];
  const reply = system.replies[number];
  const head = h("h4", {}, swatch(series), " ", system.name, series === "reference" ? h("small", {}, " reference") : "");
  if (reply.scored === false) return h("section", { class: "reply" }, head, h("p", { class: "hint" }, "Not asked."));
  return h("section", { class: "reply" }, head,
    (reply.verdicts || []).map((verdict) => verdictLine(item, verdict)),
    h("p", { class: "answers" }, rightness(reply.right), reply.cut ? h("span", { class: "answer no" }, "cut off at the token limit") : null),
    textPart(reply.text, reply.error, reply.marks),
    judgePart(reply.judgements, reply.text),
    reply.plain !== undefined || reply.plain_error !== undefined ? h("details", { class: "twin", open: DATA.runs.length === 1 },
      h("summary", {}, "without the constraint ", rightness(reply.plain_right)), textPart(reply.plain, reply.plain_error),
      judgePart(reply.plain_judgements, reply.plain)) : null);
}

function textPart(text, error, marks) {
  if (text === undefined || text === null) return h("p", { class: "hint" }, error ? ["No reply: ", error] : "No reply.");
  if (!text) return h("p", { class: "hint" }, "The reply is empty.");
  return h("div", { class: "text", dir: "auto" }, marked(text, marks, "failed", "this part fails"));
}

function judgePart(judgements, text) {
  if (!judgements || !judgements.length) return null;
  return judgements.map((one) => {
    const verdict = one.use === "transcript" ? "" : isBoolean(one.verdict) ? (one.verdict ? ": yes" : ": no") : ": unscored";
    const words = one.reply || (one.messages || []).length || one.withheld || one.reason || one.extracted;
    const line = `judge, ${USES[one.use] || one.use}${verdict}`;
    if (!words) return one.use === "accuracy" && isBoolean(one.verdict) ? null : h("p", { class: "hint judge" }, line);
    return h("details", { class: "judge" }, h("summary", {}, line),
      one.extracted !== undefined && one.extracted !== null ? [h("small", {}, "taken as transcript"), h("div", { class: "text", dir: "auto" }, one.extracted)] : null,
      one.reason ? h("p", { class: "hint" }, one.reason) : null,
      one.reply ? [h("small", {}, "the judge"), h("div", { class: "text", dir: "auto" }, one.reply)] : null,
      (one.messages || []).map(([role, lines]) => [h("small", {}, `sent as ${role}`),
        h("div", { class: "text sent", dir: "auto" }, lines.map((line) => lineOf(line, one.token, text)).join("\n"))]),
      one.withheld ? h("p", { class: "hint" }, `${plural(one.withheld, "message")} left out: the transcript is in it`) : null);
  });
}

// A line of what a judge was sent: the reply that it judged, or one in which U+0000 stands for its token.
function lineOf(line, token, text) {
  if (line < 0) return text;
  return token ? DATA.lines[line].split("\0").join(token) : DATA.lines[line];
}

// What was searched for, marked without changing the page, where the browser can.
function highlight(element) {
  if (!globalThis.CSS || !CSS.highlights) return;
  CSS.highlights.delete("search");
  const words = wordsOf(state.q);
  if (!words.length) return;
  const ranges = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && ranges.length < 2000) {
    const node = walker.currentNode;
    const text = node.data.toLowerCase();
    if (text.length !== node.data.length) continue;
    for (const word of words) {
      for (let place = text.indexOf(word); place >= 0; place = text.indexOf(word, place + word.length)) {
        const range = new Range();
        range.setStart(node, place);
        range.setEnd(node, place + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("search", new Highlight(...ranges));
}
