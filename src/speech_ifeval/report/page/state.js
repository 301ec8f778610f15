// What is looked at: the item, the filters, the run they are about. It stands in the address behind "#", so that a
// link leads there.

const FILTERS = ["category", "code", "dataset", "outcome", "flip", "near", "set"];
const KEYS = ["item", "run", ...FILTERS, "q"];
const state = { item: "", run: "0", category: "", code: "", dataset: "", outcome: "", flip: "", near: "", set: "", q: "" };

function readAddress() {
  const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  for (const key of KEYS) state[key] = given.get(key) || "";
  if (!DATA.runs[Number(state.run)] || !/^\d+$/.test(state.run)) state.run = "0";
}

function addressOf(values) {
  const parts = [];
  for (const key of KEYS) {
    const value = values[key];
    if (value && !(key === "run" && value === "0")) parts.push(`${key}=${encodeURIComponent(value).replace(/%2F/g, "/")}`);
  }
  return "#" + parts.join("&");
}

function writeAddress() {
  const wanted = addressOf(state);
  if (wanted !== location.hash && (wanted !== "#" || location.hash.includes("="))) history.replaceState(null, "", wanted);
}

// What is empty is left out of the data.
const EMPTY = { code_tests: {}, reference_categories: {}, reference_codes: {} };
DATA.runs = DATA.runs.map((run) => ({ ...EMPTY, ...run }));
DATA.left_out = DATA.left_out.map((one) => ({ clips: 0, transcripts: 0, ...one }));
DATA.audio = { clips: 0, size: 0, sources: [], ...DATA.audio };

const chosenRun = () => DATA.runs[Number(state.run)];
const systemOf = (run) => DATA.systems[run.system];
const referenceOf = (run) => (run.reference === undefined || run.reference === null ? null : DATA.systems[run.reference]);
const title = (name) => DATA.titles[name] || name;
const references = [...new Set(DATA.runs.map((run) => run.reference).filter(isNumber))];
