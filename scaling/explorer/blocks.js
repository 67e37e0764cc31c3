// A network block by block, as `scaling draw` lays it out: repeats collapsed, shapes on the edges.
"use strict";

const BLOCKS = { width: 350, panel: 288, left: 58, right: 248, middle: 153, row: 21, edge: 19, below: 11, gap: 12, above: 6 };
BLOCKS.between = BLOCKS.below + BLOCKS.gap + BLOCKS.above;

function drawBlocks(spec, name) {
  // No <title>: it would stand over the drawing as a tooltip.
  const svg = svgElement("svg", { role: "img", "aria-label": blockWords(spec, name) });
  const runs = subBlocks(spec);
  const stem = spec.stem.stride > 1 ? `, stride ${spec.stem.stride}` : "";
  const kernel = `${spec.stem.kernel_size}×${spec.stem.kernel_size}`;
  let y = drawHead(svg, spec, name);
  y = drawEnd(svg, y, `Stem: Conv ${kernel}${stem}`, stemLayers(spec));
  runs.forEach((run, index) => {
    const opens = index === 0 || runs[index - 1].stage !== run.stage;
    if (opens) drawPanel(svg, y, run.stage, runs.filter((other) => other.stage === run.stage).length);
    y = drawEdge(svg, y, shapeText(run.into), opens);
    y = drawRun(svg, y, run);
  });
  y = drawEdge(svg, y, shapeText(runs.at(-1).out), true);
  y = drawEnd(svg, y, "Final layers: Conv 1×1", FINAL_LAYERS);
  y = drawEdge(svg, y, shapeText([runs.at(-1).out[0], spec.head.out_channels]), false);
  y = drawTop(svg, y, spec);
  svg.setAttribute("viewBox", `0 0 ${BLOCKS.width} ${y + 4}`);
  return svg;
}

function shapeText([side, count]) {
  return `${side}×${side}×${count}`;
}

// What the drawing says, for those who cannot see it.
function blockWords(spec, name) {
  const parts = subBlocks(spec).map((run) =>
    `block ${run.stage}, ${run.repeats} × ${run.words} of kind ${run.kind}, modules ${run.modules.join(", ")} ` +
    `to ${shapeText(run.out)}`);
  const image = shapeText([spec.image_size, spec.in_channels]);
  return `${name} block by block: image ${image}; stem to ${shapeText(subBlocks(spec)[0].into)}; ` +
    `${parts.join("; ")}; final layers to ${spec.head.out_channels} channels; ` +
    `${countLayers(spec)} layers without top.`;
}

function put(svg, x, y, words, kind) {
  svg.append(svgElement("text", { x, y, class: kind }, words));
}

function box(svg, x, y, width, height, kind, radius = 3) {
  svg.append(svgElement("rect", { x, y, width, height, rx: radius, class: kind }));
}

function drawHead(svg, spec, name) {
  put(svg, 1, 15, name, "title");
  put(svg, 1, 31, `${countLayers(spec)} layers without top`, "total");
  arrow(svg, [[BLOCKS.middle, 42], [BLOCKS.middle, 63]]);
  put(svg, BLOCKS.middle + 6, 55, `image ${shapeText([spec.image_size, spec.in_channels])}`, "shape");
  return 63;
}

// The corners of a path are rounded; its last piece ends in an arrowhead.
function arrow(svg, points, kind = "arrow") {
  const [[fromX, fromY], [x, y]] = points.slice(-2);
  const length = Math.hypot(x - fromX, y - fromY);
  const [right, down] = [(x - fromX) / length, (y - fromY) / length];
  const base = [x - 5 * right, y - 5 * down];
  const line = [...points.slice(0, -1), base];
  svg.append(svgElement("path", { d: roundedPath(line), class: kind }));
  const wings = [1, -1].map((sign) => `${base[0] - 2.4 * sign * down},${base[1] + 2.4 * sign * right}`);
  svg.append(svgElement("polygon", { points: `${x},${y} ${wings.join(" ")}`, class: `${kind} tip` }));
}

function roundedPath(points) {
  const towards = ([x, y], [otherX, otherY]) =>
    [x + 3 * Math.sign(otherX - x), y + 3 * Math.sign(otherY - y)];
  const corners = points.slice(1, -1).map((corner, index) =>
    `L${towards(corner, points[index])} Q${corner} ${towards(corner, points[index + 2])}`);
  return `M${points[0]} ${corners.join(" ")} L${points.at(-1)}`;
}

function drawEdge(svg, y, words, between) {
  const length = between ? BLOCKS.between : BLOCKS.edge;
  arrow(svg, [[BLOCKS.middle, y], [BLOCKS.middle, y + length]]);
  put(svg, BLOCKS.middle + 6, y + (between ? BLOCKS.below + BLOCKS.gap / 2 : length / 2 - 0.5) + 3.4, words, "shape");
  return y + length;
}

function drawEnd(svg, y, words, layers) {
  box(svg, BLOCKS.left, y, BLOCKS.right - BLOCKS.left, BLOCKS.row, "end");
  put(svg, BLOCKS.middle, y + BLOCKS.row / 2 + 3.6, words, "piece");
  put(svg, BLOCKS.width, y + BLOCKS.row / 2 + 3.4, `${layers} layers`, "layers");
  return y + BLOCKS.row;
}

function drawPanel(svg, y, stage, count) {
  const top = y + BLOCKS.between - BLOCKS.above;
  const height = BLOCKS.above + count * (BLOCKS.row + BLOCKS.edge) - BLOCKS.edge + BLOCKS.below;
  box(svg, 0.5, top, BLOCKS.panel, height, "panel-box", 5);
  put(svg, 7, y + BLOCKS.between + BLOCKS.row / 2 - 1.2, `Block ${stage}`, "block");
}

function drawRun(svg, y, run) {
  const { left, right, row, middle } = BLOCKS;
  if (run.skips) {
    const [over, under, aside] = [y - 8, y + row + 7, left - 7];
    arrow(svg, [[middle, over], [aside, over], [aside, under], [middle, under]], "skip-arrow");
  }
  box(svg, left, y, right - left, row, "sub-block");
  put(svg, 7, y + row / 2 + (run.kind === 3 ? 3 : 9), `kind ${run.kind}`, "kind");
  run.modules.forEach((module, index) => {
    const x = left + 6 + index * 14.5;
    box(svg, x, y + row / 2 - 6.25, 12.5, 12.5, `module${module}`, 2.5);
    put(svg, x + 6.25, y + row / 2 + 3.3, String(module), `chip on${module}`);
  });
  const words = run.words + (run.stride > 1 ? `, stride ${run.stride}` : "");
  put(svg, left + 10 + run.modules.length * 14.5, y + row / 2 + 3.6, words, "operator");
  drawCounts(svg, y + row / 2, run);
  return y + row;
}

function drawCounts(svg, y, { repeats: times_, layersEach }) {
  const many = times_ > 1;
  if (many) put(svg, BLOCKS.right + 5, y + 4.2, `×${times_}`, "repeats");
  put(svg, BLOCKS.width, y + (many ? -1 : 3.4), `${times_ * layersEach} layers`, "layers");
  if (many) put(svg, BLOCKS.width, y + 9, `${times_} × ${layersEach}`, "each");
}

function drawTop(svg, y, spec) {
  box(svg, BLOCKS.left, y, BLOCKS.right - BLOCKS.left, BLOCKS.row, "sub-block top");
  const words = `Top: pool, dropout, dense ${COMMAS.format(spec.num_classes)}`;
  put(svg, BLOCKS.middle, y + BLOCKS.row / 2 + 3.4, words, "dense");
  put(svg, BLOCKS.width, y + BLOCKS.row / 2 + 3.4, "3 more", "each");
  return y + BLOCKS.row;
}
