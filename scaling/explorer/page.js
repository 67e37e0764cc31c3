// What the reader sees and touches: controls to settings, settings to the address, results to the page.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const NUMBERS = ["alpha", "beta", "gamma", "phi", "depth", "width", "image"];
const WHOLE_RULES = ["channel_divisor", "image_size_step"];
const SWITCHES = ["scaled_stem_and_head", "scaled_end_repeats"];
const CHOICES = Object.keys(DATA.choices);
const COMMAS = new Intl.NumberFormat("en-US");
const byId = (id) => document.getElementById(id);

let settings = copyOf(DATA.defaults);

function copyOf(from) {
  return { ...from, rules: { ...from.rules } };
}

// ---- the address -------------------------------------------------------------------------------

function toHash(from) {
  const parts = new URLSearchParams();
  const relevant = from.mode === "direct" ? ["depth", "width", "image"] : ["alpha", "beta", "gamma", "phi"];
  parts.set("mode", from.mode);
  parts.set("baseline", from.baseline);
  for (const name of relevant) parts.set(name, String(from[name]));
  for (const [name, value] of Object.entries(from.rules)) {
    if (value !== DATA.defaults.rules[name]) parts.set(name, String(value));
  }
  return `#${parts}`;
}

// Unknown keys and unreadable values leave the default: an address may come from anywhere.
function fromHash(hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const read = copyOf(DATA.defaults);
  if (parts.get("mode") === "direct") read.mode = "direct";
  if (Object.hasOwn(DATA.baselines, parts.get("baseline"))) read.baseline = parts.get("baseline");
  for (const name of NUMBERS) readNumber(parts, name, read);
  for (const name of WHOLE_RULES) readNumber(parts, name, read.rules);
  for (const name of SWITCHES) if (parts.has(name)) read.rules[name] = parts.get(name) === "true";
  for (const name of CHOICES) {
    if (DATA.choices[name].includes(parts.get(name))) read.rules[name] = parts.get(name);
  }
  return read;
}

function readNumber(parts, name, into) {
  const text = parts.get(name);
  if (text !== null && text.trim() !== "" && Number.isFinite(Number(text))) into[name] = Number(text);
}

// ---- controls ----------------------------------------------------------------------------------

function showControls() {
  for (const name of NUMBERS) {
    setValue(byId(name), settings[name]);
    setValue(byId(`${name}-slider`), settings[name]);
  }
  for (const name of WHOLE_RULES) setValue(byId(name), settings.rules[name]);
  for (const name of SWITCHES) byId(name).checked = settings.rules[name];
  for (const name of CHOICES) byId(name).value = settings.rules[name];
  byId("baseline").value = settings.baseline;
  for (const mode of ["compound", "direct"]) {
    byId(`mode-${mode}`).checked = settings.mode === mode;
    byId(`${mode}-controls`).hidden = settings.mode !== mode;
  }
}

// The box in use keeps what is being typed ("1." on the way to "1.2").
function setValue(input, value) {
  if (document.activeElement === input && numberOf(input) === value) return;
  if (Number.isFinite(value)) input.value = String(value);
  else if (document.activeElement !== input) input.value = "";
}

function listen() {
  for (const name of NUMBERS) {
    for (const id of [name, `${name}-slider`]) {
      byId(id).addEventListener("input", (event) => change(() => (settings[name] = numberOf(event.target))));
    }
  }
  for (const name of WHOLE_RULES) {
    byId(name).addEventListener("input", (event) =>
      change(() => (settings.rules[name] = numberOf(event.target))));
  }
  for (const name of SWITCHES) {
    byId(name).addEventListener("change", (event) =>
      change(() => (settings.rules[name] = event.target.checked)));
  }
  for (const name of CHOICES) {
    byId(name).addEventListener("change", (event) =>
      change(() => (settings.rules[name] = event.target.value)));
  }
  byId("baseline").addEventListener("change", (event) => change(() => chooseBaseline(event.target.value)));
  for (const mode of ["compound", "direct"]) {
    byId(`mode-${mode}`).addEventListener("change", () => change(() => chooseMode(mode)));
  }
  for (const button of document.querySelectorAll("button[data-variant]")) {
    button.addEventListener("click", () => change(() => chooseVariant(button.dataset.variant)));
  }
  byId("paper").addEventListener("click", () => change(() => (settings = copyOf(DATA.defaults))));
  byId("copy").addEventListener("click", copyAddress);
  addEventListener("hashchange", () => {
    settings = fromHash(location.hash);
    render();
  });
}

function numberOf(input) {
  return input.value.trim() === "" ? NaN : Number(input.value);
}

function change(edit) {
  edit();
  history.replaceState(null, "", toHash(settings));
  render();
}

function chooseBaseline(name) {
  settings.baseline = name;
  settings.rules = { ...DATA.baseline_rules[name] };
}

// The multipliers go over from alpha, beta, gamma, phi, so that the network stays where it was.
function chooseMode(mode) {
  if (mode === "direct" && settings.mode !== "direct") {
    try {
      const baseline = DATA.baselines[settings.baseline];
      const spec = scaleBaseline(settings, baseline, DATA.limits);
      settings.depth = spec.depth_coefficient;
      settings.width = spec.width_coefficient;
      settings.image = spec.image_size;
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
    }
  }
  settings.mode = mode;
}

// By the formula where it gives the variant, else by multipliers.
function chooseVariant(name) {
  const found = DATA.official.find((each) => each.name === name);
  chooseBaseline(found.baseline);
  const { phi, ...bases } = DATA.one_formula;
  if (settings.mode === "compound" && Object.hasOwn(phi, name)) {
    Object.assign(settings, bases, { phi: phi[name] });
    return;
  }
  Object.assign(settings, { mode: "direct", depth: found.depth, width: found.width, image: found.image_size });
}

async function copyAddress() {
  try {
    await navigator.clipboard.writeText(location.href);
    byId("copied").textContent = "copied";
  } catch {
    byId("copied").textContent = "copy it from the address bar";
  }
}

// ---- results -----------------------------------------------------------------------------------

function render() {
  showControls();
  const baseline = DATA.baselines[settings.baseline];
  try {
    const spec = scaleBaseline(settings, baseline, DATA.limits);
    showResult(spec, countCost(spec), baseline);
    byId("error").textContent = "";
    byId("results").classList.remove("stale");
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    byId("error").textContent = error.message;
    byId("results").classList.add("stale");
  }
}

function showResult(spec, cost, baseline) {
  const before = countCost(baseline);
  for (const key of ["params", "macs", "activations"]) byId(key).textContent = COMMAS.format(cost[key]);
  const nominal = nominalFactor(settings, baseline);
  byId("nominal").textContent = `×${nominal.toFixed(4)}`;
  byId("achieved").textContent = `×${(cost.macs / before.macs).toFixed(4)}`;
  byId("network").textContent =
    `depth ×${spec.depth_coefficient}, width ×${spec.width_coefficient}, ${spec.image_size} px, ` +
    `${spec.stages.reduce((sum, stage) => sum + stage.repeats, 0)} blocks`;
  const exact = DATA.official.find((each) => sameArchitecture(each.spec, spec) && sameFamily(each));
  showNearest(cost, exact);
  showTable(cost);
  byId("blocks").replaceChildren(drawBlocks(spec, exact ? fullName(exact.name) : "This network"));
  byId("drawing").replaceChildren(drawNetworks([
    { title: baseline.name.replace("efficientnet-", ""), spec: baseline },
    { title: "this network", spec },
  ]));
  byId("python").textContent = pythonOf(settings);
}

function showNearest(cost, exact) {
  const nearest = nearestOfficial(cost, DATA.official);
  byId("nearest").textContent = exact ? exact.name : nearest.name;
  byId("nearest-note").textContent = exact
    ? "exactly this network"
    : `params ${percent(cost.params / nearest.params)}, MACs ${percent(cost.macs / nearest.macs)} of it`;
  for (const button of document.querySelectorAll("button[data-variant]")) {
    button.setAttribute("aria-pressed", String(exact !== undefined && exact.name === button.dataset.variant));
  }
}

function fullName(name) {
  return `EfficientNet-${name[0].toUpperCase()}${name.slice(1)}`;
}

function sameFamily(each) {
  return each.baseline === settings.baseline;
}

function percent(ratio) {
  return `${(100 * ratio).toFixed(1)} %`;
}

function showTable(cost) {
  const body = byId("stages").tBodies[0];
  body.replaceChildren(...cost.byStage.map((row) => tableRow([
    row.name, row.operator, row.stride, `${row.side}²`, row.repeats, row.channels,
    COMMAS.format(row.params), COMMAS.format(row.macs), COMMAS.format(row.activations),
    (100 * row.macs / cost.macs).toFixed(1),
  ])));
}

function tableRow(cells) {
  const row = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement(index === 0 ? "th" : "td");
    if (index === 0) cell.scope = "row";
    cell.textContent = text;
    row.append(cell);
  });
  return row;
}

// The same network from Python: what the reader may take home.
function pythonOf(from) {
  const changed = Object.entries(from.rules)
    .filter(([name, value]) => value !== DATA.released_rules[name])
    .map(([name, value]) => `${name}=${pythonValue(value)}`);
  const rules = `RoundingRules(${changed.join(", ")})`;
  if (from.mode === "compound") {
    const bases = ["alpha", "beta", "gamma", "phi"].map((name) => `${name}=${from[name]}`).join(", ");
    return `scaling.generate(${bases},\n    baseline="${from.baseline}", rounding=${rules})`;
  }
  const side = DATA.baselines[from.baseline].image_size;
  return (
    `scaling.scale(BASELINES["${from.baseline}"],\n` +
    `    ScalingCoefficients(depth_coefficient=${from.depth}, width_coefficient=${from.width}, ` +
    `resolution_coefficient=${from.image} / ${side}),\n    ${rules})`
  );
}

function pythonValue(value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" ? String(value) : `"${value}"`;
}

listen();
settings = fromHash(location.hash);
render();
