// Other analyses of the same models, where they were made.

function sweepPart(found) {
  const parts = [...new Set(found.points.map((point) => point.part))];
  const curves = parts.flatMap((part, index) => {
    const points = found.points.filter((point) => point.part === part).sort((a, b) => a.scale - b.scale);
    const named = parts.length > 1 ? ` (${part})` : "";
    const along = (field) => points.map((point) => ({ x: point.scale, ...point[field] }));
    return [
      { name: `IFrate${named}`, series: 2 * index, points: along("ifrate") },
      { name: `task${named}`, series: 2 * index + 1, points: along("task"), dashed: true },
    ];
  });
  const xs = found.points.map((point) => point.scale);
  const drawn = [...curves];
  if (found.reference && isNumber(found.reference.ifrate.value)) {
    drawn.unshift({
      name: `IFrate of ${found.reference.name}`, series: "reference", flat: true, dashed: true,
      points: [Math.min(...xs), Math.max(...xs)].map((x) => ({ x, value: found.reference.ifrate.value })),
    });
  }
  const lora = (point) => point.lora.map((one) => `${one.factor} · ${one.alpha} / ${one.r}`).join("; ") || NONE;
  return [
    h("h3", {}, `LoRA scale: ${found.model}`),
    h("p", { class: "hint" }, "1 is as trained, 0 without what training changed. ● marks points that no other beats in one of IFrate " +
      "and task without losing in the other."),
    legend(curves.map((line) => [line.series, line.name, line.dashed])),
    lines(drawn, { across: "scale" }),
    table(["part", "scale", "factor · α / r", term("IFrate"), term("95 %", "95 %"), term("Δ"), "points", "task", term("95 %", "95 %"), "best"],
      found.points.map((point) => [point.part, point.scale, lora(point), number(point.ifrate.value), span(point.ifrate),
        number(point.forgetting && point.forgetting.value, true), number(point.points && point.points.value, true),
        number(point.task.value), span(point.task), point.best ? "●" : ""])),
  ];
}

function ladderPart(found) {
  const rungs = found.rungs.map((rung) => rung.why ? { label: h("b", {}, rung.name), cells: [rung.why], class: "heading" } : {
    label: [h("b", {}, rung.name), h("small", {}, ` ${rung.who}`)],
    points: [pointOf(rung.ifrate, rung.name === "reference" ? "reference" : 0, "IFrate")],
    cells: [number(rung.ifrate && rung.ifrate.value), span(rung.ifrate), number(rung.step && rung.step.value, true), span(rung.step, true),
      number(rung.task && rung.task.value)],
  });
  const fact = (label, of) => (of ? h("div", { class: "fact" }, h("dt", {}, label),
    h("dd", {}, h("b", {}, number(of.value, true)), " %", h("small", {}, of.why || span(of, true)))) : null);
  return [
    h("h3", {}, `Where the loss comes from: ${found.model}`),
    h("dl", { class: "facts" }, fact(term("Δ"), found.forgetting), fact("by changed weights", found.weights),
      fact("by hearing instead of reading", found.modality)),
    forest(rungs, PERCENT, {
      unit: "%", label: "Ladder", columns: ["IFrate, %", term("95 %", "95 %"), "step", term("95 %", "95 %"), "task"],
    }),
  ];
}

function isolationPart(found) {
  const contrasts = [...found.control, ...found.following, ...found.perception].filter((one) => one.by === "all");
  const scale = scaleFor([...contrasts.flatMap((one) => [one.change.low, one.change.high]), -found.margin, found.margin]);
  return [
    h("h3", {}, `Do constraints and speech keep apart: ${found.name}`),
    h("ul", { class: "verdicts" }, found.findings.map((one) => h("li", {}, h("span", { class: "chip" }, one.verdict), h("b", {},
      ` ${capital(one.question)} `), one.why))),
    h("p", { class: "hint" }, `The band is the margin, ±${number(found.margin, false, 1)} points, fixed beforehand.`),
    forest(contrasts.map((one) => ({
      label: [h("b", {}, one.outcome), `: ${one.first} → ${one.second}`],
      points: [pointOf(one.change, 0, "change in points")],
      cells: [number(one.before), number(one.after), number(one.change.value, true), span(one.change, true), one.n, one.change.verdict],
    })), scale, {
      unit: "points", zero: 0, band: [-found.margin, found.margin], label: "Isolation",
      columns: ["before, %", "after, %", "change", term("95 %", "95 %"), "n", "verdict"],
    }),
  ];
}

function wordingPart(found) {
  return found.runs.flatMap((run) => {
    const rows = run.constraints.flatMap((one) => one.tests.map((test) => ({
      label: [one.constraint, h("small", {}, [one.fixed, test.varied === "wording" ? "" : test.varied].filter(Boolean).map((text) => ` ${text}`).join(""))],
      points: [{ value: test.sd, low: test.low, high: test.high, series: 0, tip: `sd ${number(test.sd)} points` }],
      cells: [test.levels, number(one.rate.rate), number(test.sd), pValue(test.p_holm), test.finding],
      class: test.finding === "found" ? "worse" : "",
    })));
    const scale = scaleFor(rows.flatMap((row) => [row.points[0].value, row.points[0].high]));
    return [
      h("h3", {}, `Does the wording matter: ${run.name}`),
      h("p", { class: "hint" }, "How far the following rates of a constraint's wordings spread: a standard deviation in points."),
      rows.length ? forest(rows, scale, {
        unit: "points", label: "Wordings", columns: ["wordings", "rate, %", "sd, points", term("p (Holm)"), "finding"],
      }) : null,
      table(["luck with wordings", "%", "95 %, clips", "95 %, clips and wordings", "share, %"], run.luck.map((one) => [
        title(one.group), number(one.rate.value), span(one.rate), span(one), number(one.share)])),
    ];
  });
}

const PARTS = { sweep: sweepPart, ladder: ladderPart, isolation: isolationPart, wording: wordingPart };

function analysesSection() {
  if (!DATA.analyses.length) return null;
  return h("section", { id: "analyses", class: "card" }, h("h2", {}, "Other analyses"),
    DATA.analyses.map((one) => h("div", { class: "analysis" }, PARTS[one.kind](one.found),
      (one.found.notes || []).length ? h("ul", { class: "notes" }, one.found.notes.map((note) => h("li", {}, note))) : null)));
}
