// The answers themselves with and without a constraint, what constraints change, and the diagnosis.

function taskSection() {
  const runs = DATA.runs.filter((run) => run.task && Object.keys(run.task.datasets).length);
  if (!runs.length) return null;
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.task.datasets)))];
  const several = DATA.runs.length > 1;
  const rows = [];
  for (const name of names) {
    const groups = [];
    DATA.runs.forEach((run, index) => groups.push([run.name, index, run.task && run.task.datasets[name]]));
    for (const index of references) {
      const run = DATA.runs.find((one) => one.reference === index);
      groups.push([DATA.systems[index].name, "reference", run.reference_task && run.reference_task.datasets[name]]);
    }
    const real = groups.filter(([, , group]) => group && (group.plain.n || group.constrained.n));
    if (!real.length) continue;
    const metric = real[0][2].metric;
    const unit = metric === "wer" ? term("WER") : "accuracy";
    rows.push({ label: [h("b", {}, name), " ", unit], class: "heading" });
    for (const [who, series, group] of real) {
      rows.push({
        label: [swatch(series), " ", who],
        points: [pointOf(group.plain, series, "without", { hollow: true }), pointOf(group.constrained, series, "with", { filled: true })],
        cells: [number(group.plain.rate), number(group.constrained.rate), number(group.change.value, true),
          span(group.change, true), `${group.change.worse} / ${group.change.better}`, pValue(group.change.p_holm)],
        class: isNumber(group.change.p_holm) && group.change.p_holm < 0.05 ? "worse" : "",
      });
    }
  }
  if (!rows.length) return null;
  return h("section", { id: "task", class: "card" },
    h("h2", {}, "The task itself, without and with a constraint"),
    h("p", { class: "hint" }, "A constraint says how to answer, not what. Each item is compared with its ", term("twin"),
      ": hollow is without the constraint, filled with it. Accuracy: more is better; ", term("WER"), ": less is better."),
    several || references.length ? runLegend() : null,
    forest(rows, PERCENT, {
      unit: "%", label: "Task level",
      columns: ["without, %", "with, %", "change", term("95 %", "95 %"), "worse / better", term("p (Holm)")],
    }));
}

const BEHAVIOURS = {
  wrong: "wrong answer", empty: "empty reply", echo: "repeats the question", "made-up": "made-up answer",
  contradicted: "judged wrong though it says the label",
};
const behaviourName = (name) => BEHAVIOURS[name] || name.replace(/[-_]/g, " ");

function sensitivitySection() {
  const runs = DATA.runs.map((run, index) => [run, index]).filter(([run]) => run.sensitivity);
  if (!runs.length) return null;
  const shown = (row) => row.by === "all" || row.by === "metric";
  const all = runs.flatMap(([run]) => run.sensitivity.behaviours.filter(shown));
  const scale = scaleFor(all.flatMap((row) => [row.change.low, row.change.high, row.change.value]));
  const parts = runs.map(([run, index]) => {
    const found = run.sensitivity;
    const rows = found.behaviours.filter(shown).map((row) => {
      const key = row.by === "all" ? `${row.name}-appeared` : `${row.name}-${row.group}-appeared`;
      const set = run.sets.find((one) => one.key === key);
      return {
        label: [behaviourName(row.name), row.by === "metric" ? h("small", {}, ` ${row.group === "wer" ? "WER" : row.group}`) : ""],
        points: [pointOf(row.change, index, "change in points")],
        cells: [`${row.plain}/${row.n}`, `${row.constrained}/${row.n}`, number(row.change.value, true), span(row.change, true),
          pValue(row.change.p_holm), row.against_reference ? number(row.against_reference.value, true) : NONE,
          set ? itemsButton(plural(set.items.length, "item"), { run: String(index), set: key }) : ""],
        class: isNumber(row.change.p_holm) && row.change.p_holm < 0.05 ? "worse" : "",
      };
    });
    const changed = found.answers.filter(shown).map((row) => {
      const set = run.sets.find((one) => one.key === `changed-${row.metric}`);
      return [row.metric === "wer" ? "another transcript" : "another answer", `${row.changed}/${row.n}`,
        number(row.rate.value), span(row.rate), row.untold,
        set ? itemsButton(plural(set.items.length, "item"), { run: String(index), set: set.key }) : ""];
    });
    return [
      h("h3", {}, swatch(index), " ", run.name),
      rows.length ? forest(rows, scale, {
        unit: "points", zero: 0, label: "What constraints do to answers",
        columns: ["without", "with", "change", term("95 %", "95 %"), term("p (Holm)"), term("reference", "less ref."), "newly so"],
      }) : null,
      changed.length ? table(["the answer is another one", "twins", "%", term("95 %", "95 %"), "cannot be told", "which"], changed)
        : null,
      found.notes.length ? h("ul", { class: "notes" }, found.notes.map((note) => h("li", {}, capital(note), "."))) : null,
    ];
  });
  return h("section", { id: "sensitivity", class: "card" },
    h("h2", {}, "What a constraint does to the answer"),
    h("p", { class: "hint" }, "Replies that do something with the constraint that they do not do without it, on ",
      term("twin", "twins"), "; the change in points of percent."), parts);
}

function findingPart(run, index, finding) {
  const signed = finding.unit === "points" || finding.worse === "lower";
  const against = finding.against_reference;
  const set = run.sets.find((one) => one.key === finding.check);
  const facts = [
    [finding.of, finding.count === null || finding.count === undefined ? count(finding.figure.n)
      : `${count(finding.count)} of ${count(finding.figure.n)}`],
    ["threshold", `${finding.worse === "either" ? "±" : finding.worse === "lower" ? "under " : "over "}` +
      `${number(finding.threshold, false, Number.isInteger(finding.threshold) ? 0 : 1)} ${finding.unit}`],
    against && isNumber(against.value) ? ["less the reference", `${number(against.value, true)} (${span(against, true)})`] : null,
  ].filter(Boolean);
  const texts = finding.parts.some((part) => part.text);
  return h("details", { class: `finding ${finding.severity}` },
    h("summary", {},
      h("span", { class: `chip ${finding.severity}` }, finding.severity),
      h("b", { class: "what" }, capital(finding.title)),
      h("span", { class: "value" }, `${number(finding.figure.value, signed)} ${finding.unit}`,
        h("small", {}, ` ${span(finding.figure, signed)}`)),
      set ? itemsButton(plural(set.items.length, "item"), { run: String(index), set: set.key }) : h("span", {})),
    finding.sentence ? h("p", {}, finding.sentence) : null,
    h("p", { class: "hint" }, facts.map(([name, value]) => h("span", { class: "pair" }, `${name}: `, h("b", {}, value)))),
    finding.parts.length ? table(["of these", "count", "n", finding.unit, term("95 %", "95 %"), ...(texts ? [""] : [])],
      finding.parts.map((part) => [part.name, part.count ?? "", part.figure.n, number(part.figure.value, signed),
        span(part.figure, signed), ...(texts ? [h("span", { class: "long" }, part.text || "")] : [])])) : null,
    finding.examples.length ? h("ul", { class: "examples" }, finding.examples.map((one) => h("li", {},
      h("button", { type: "button", class: "link", on: { click: () => openItem(one.item) } }, one.item),
      h("span", { class: "quote", dir: "auto" }, one.reply || "(nothing)"), h("small", {}, one.failed)))) : null,
    h("p", {}, h("b", {}, "Usual cause. "), inline(finding.cause)),
    finding.advice.length ? h("ul", { class: "advice" }, finding.advice.map((one) => h("li", {}, inline(one)))) : null);
}

// Commands stand between backticks.
const inline = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : shown(part)));

function diagnosisSection() {
  const parts = DATA.runs.map((run, index) => {
    const found = run.diagnosis;
    const unsure = found.clean.filter((one) => one.beyond).length;
    return h("div", { class: "diagnosed" },
      DATA.runs.length > 1 ? h("h3", {}, swatch(index), " ", run.name) : null,
      found.findings.map((finding) => findingPart(run, index, finding)),
      found.findings.length ? null : h("p", {}, "No check finds anything."),
      found.clean.length ? more(`${plural(found.clean.length, "check")} found nothing` +
        (unsure ? `, of which ${unsure} could hide more than the threshold` : ""),
        table(["nothing found", "value", "can be up to", "unit", "of", "threshold", "sure"], found.clean.map((one) => [
          one.title, number(one.figure.value), number(one.bound), one.unit, `${count(one.figure.n)} ${one.of}`,
          number(one.threshold, false, 1), one.beyond ? "no" : "yes"]))) : null,
      found.unmade.length ? more(`${plural(found.unmade.length, "check")} could not be made`, h("ul", { class: "notes" },
        found.unmade.map((one) => h("li", {}, h("b", {}, capital(one.title)), `: ${one.why}`)))) : null,
      found.notes.length ? h("ul", { class: "notes" }, found.notes.map((note) => h("li", {}, capital(note), "."))) : null);
  });
  return h("section", { id: "diagnosis", class: "card" },
    h("h2", {}, "Diagnosis"),
    h("p", { class: "hint" }, "What went wrong, the gravest first (", term("severity"), "). Open a finding for its evidence, its usual ",
      "cause and what to try; its button shows the items."), parts);
}
