// The top of the page: each run's figures with its diagnosis, runs against each other, following rates by code.

function figureCell(name, label, of, unit, signed) {
  return h("div", { class: "fact" },
    h("dt", {}, term(name, label)),
    h("dd", {}, h("b", {}, number(of && of.value, signed)), unit ? ` ${unit}` : "",
      h("small", {}, of && of.why ? of.why : span(of, signed))));
}

function runCard(run, index) {
  const reference = referenceOf(run);
  const strip = [pointOf(run.ifrate, index, run.name)];
  if (reference) strip.push(pointOf(run.reference_ifrate, "reference", reference.name));
  const severe = ["severe", "notable", "note"].map((name) =>
    [name, run.diagnosis.findings.filter((one) => one.severity === name).length]).filter(([, many]) => many);
  return h("article", { class: "card run" },
    h("h2", {}, swatch(index), " ", run.name),
    h("div", { class: "figures" },
      h("div", { class: "headline" },
        h("p", { class: "big" }, h("b", {}, number(run.ifrate.value)), h("span", {}, " % "), term("IFrate")),
        h("p", { class: "interval" }, run.ifrate.why || span(run.ifrate), " ", term("95 %", "95 %")),
        plot(strip, PERCENT, strip.map((point) => point.tip).join("; ")),
        axis(PERCENT, "%")),
      h("dl", { class: "facts" },
        run.forgetting ? figureCell("Δ", "Δ", run.forgetting, "%", true) : null,
        run.points ? figureCell("points", "points", run.points, "", true) : null,
        reference ? figureCell("reference", reference.name, run.reference_ifrate, "%") : null,
        h("div", { class: "fact" }, h("dt", {}, term("scored")), h("dd", {}, h("b", {}, count(run.ifrate.n)),
          h("small", {}, "items"))),
        h("div", { class: "fact" }, h("dt", {}, term("unscored")), h("dd", {}, h("b", {}, count(run.ifrate.unscored)),
          h("small", {}, run.ifrate.unscored ? "count for nothing" : "none"))))),
    h("div", { class: "said" },
      h("p", { class: "chips" }, severe.length
        ? severe.map(([name, many]) => h("a", { class: `chip ${name}`, href: "#diagnosis", on: { click: goTo } },
          name === "note" ? plural(many, name) : `${many} ${name}`))
        : h("span", { class: "chip" }, "nothing found")),
      run.sentences.map((sentence) => h("p", {}, sentence))),
    signature(run.signature, reference ? reference.signature : null));
}

function signature(text, other) {
  const line = (name, content) => h("button", {
    type: "button", class: "signature", title: "Click to copy", on: { click: (event) => copy(content, event.currentTarget) },
  }, h("span", { class: "whose" }, name), content);
  return h("details", { class: "more signatures" }, h("summary", {}, term("signature")),
    line("run ", text), other ? line("reference ", other) : null);
}

function comparisonPart() {
  const found = DATA.comparison;
  if (!found) return null;
  const rank = (run) => (run.rank ? (run.rank[0] === run.rank[1] ? `${run.rank[0]}` : `${run.rank[0]} to ${run.rank[1]}`) : NONE);
  return h("div", { class: "card" },
    h("h3", {}, "The runs against each other"),
    h("p", { class: "hint" }, "Paired on the items that they share. A rank is an interval: what the paired tests leave open."),
    table(["run", "rank", term("IFrate"), term("95 %", "95 %"), term("Δ"), term("95 %", "95 %")], found.runs.map((run, index) => [
      [swatch(index), " ", run.name], rank(run), number(run.ifrate.value), span(run.ifrate),
      number(run.forgetting && run.forgetting.value, true), span(run.forgetting, true)])),
    table(["the second less the first", "IFrate, points", term("95 %", "95 %"), term("p (Holm)"), "gained", "lost", "items"],
      found.pairs.map((pair) => [
        [swatch(pair.second), " ", found.runs[pair.second].name, " − ", swatch(pair.first), " ", found.runs[pair.first].name],
        number(pair.ifrate.value, true), span(pair.ifrate, true), pValue(pair.ifrate.p_holm), pair.gained, pair.lost,
        itemsButton(plural(pair.gained + pair.lost, "item"), { run: String(pair.second), flip: `other-${pair.first}` })])),
    found.notes.length ? h("ul", { class: "notes" }, found.notes.map((note) => h("li", {}, capital(note), "."))) : null);
}

function overviewSection() {
  const out = DATA.left_out;
  return h("section", { id: "overview", "aria-label": "Overview" },
    h("div", { class: `cards many-${Math.min(DATA.runs.length, 4)}` }, DATA.runs.map(runCard)),
    comparisonPart(),
    out.length ? leftOut(out) : null);
}

function leftOut(out) {
  const parts = out.map((one) => {
    const what = [one.clips ? plural(one.clips, "clip") : "", one.transcripts ? plural(one.transcripts, "transcript") : ""];
    return h("li", {}, h("b", {}, one.source), `: ${what.filter(Boolean).join(" and ") || "nothing to hear"}. ${capital(one.why)}.`);
  });
  return h("details", { class: "more card quiet" },
    h("summary", {}, `Left out of this page: ${plural(out.reduce((sum, one) => sum + one.clips, 0), "clip")}, ` +
      `${plural(out.reduce((sum, one) => sum + one.transcripts, 0), "transcript")}`),
    h("ul", { class: "notes" }, parts));
}

const CODES = ["CC", "SE", "WR", "JS", "BP", "KW", "LN", "CoT"];
const CATEGORIES = ["closed-ended", "creative-writing", "chain-of-thought"];

function rateRow(label, key, field, theirs, filter) {
  const points = DATA.runs.map((run, index) => pointOf(field(run), index, run.name, {}));
  for (const index of references) {
    const run = DATA.runs.find((one) => one.reference === index);
    points.push(pointOf(theirs(run), "reference", DATA.systems[index].name));
  }
  const single = DATA.runs.length === 1;
  const run = DATA.runs[0];
  const of = field(run);
  const test = single && run.code_tests[key];
  const cells = single
    ? [number(of && (of.rate ?? of.value)), span(of), of && of.followed !== undefined ? `${of.followed}/${of.n}` : count(of ? of.n : 0),
      ...(references.length ? [number((theirs(run) || {}).rate ?? (theirs(run) || {}).value), test ? test.lost : "",
        test ? test.gained : "", test ? pValue(test.p_holm) : ""] : [])]
    : DATA.runs.map((one, index) => {
      const rate = field(one);
      const lost = one.code_tests[key];
      const mark = lost && lost.p_holm < 0.05 && lost.lost > lost.gained;
      return h("span", { class: mark ? "strong" : "", title: mark ? "followed less often than by the reference, p < 0.05" : null },
        number(rate && (rate.rate ?? rate.value)), mark ? " ▾" : "");
    });
  const name = filter ? h("button", { type: "button", class: "link", on: { click: () => show(filter) } }, label) : label;
  const worse = test && test.p_holm < 0.05 && test.lost > test.gained;
  return { label: name, points, cells, class: worse ? "worse" : "" };
}

function codesSection() {
  const there = (key, field) => DATA.runs.some((run) => field(run)[key] && field(run)[key].n + field(run)[key].unscored);
  const rows = [
    { ...rateRow(h("b", {}, "IFrate"), "IFrate", (run) => run.ifrate, (run) => run.reference_ifrate), class: "total" },
    ...CATEGORIES.filter((key) => there(key, (run) => run.categories)).map((key) =>
      rateRow(title(key), key, (run) => run.categories[key], (run) => run.reference_categories[key], { category: key })),
    { label: term("code", "by code"), class: "heading" },
    ...CODES.filter((key) => there(key, (run) => run.codes)).map((key) =>
      rateRow([h("b", {}, key), " ", title(key)], key, (run) => run.codes[key], (run) => run.reference_codes[key], { code: key })),
  ];
  const single = DATA.runs.length === 1;
  const columns = single
    ? ["%", term("95 %", "95 %"), "followed", ...(references.length ? [term("reference", "ref., %"), term("lost"), term("gained"),
      term("p (Holm)")] : [])]
    : DATA.runs.map((run, index) => [swatch(index)]);
  const remarks = DATA.runs.flatMap((run, index) => run.remarks.map((remark) =>
    h("li", {}, single ? null : [swatch(index), " "], remark)));
  return h("section", { id: "codes", class: "card" },
    h("h2", {}, "What is followed"),
    h("p", { class: "hint" }, "The ", term("following rate"), " by category and by ", term("code"),
      " of constraint, with 95 % intervals", references.length ? ["; ◇ is the ", term("reference"), "."] : ".",
      " Click a name to see its items.", references.length ? " ▾ and colour: lost against the reference, p < 0.05." : ""),
    runLegend(),
    forest(rows, PERCENT, { columns, unit: "%", label: "Following rates" }),
    remarks.length ? more("In words", h("ul", { class: "notes" }, remarks)) : null,
    more("By data set and by constraint", ...DATA.runs.map((run, index) => table(
      [[swatch(index), " ", run.name], "followed", "%", term("95 %", "95 %"), term("unscored")],
      Object.entries(run.datasets).map(([name, rate]) => [
        h("button", { type: "button", class: "link", on: { click: () => show({ run: String(index), dataset: name }) } }, name),
        `${rate.followed}/${rate.n}`, number(rate.rate), span(rate), rate.unscored])))));
}
