// Networks as silhouettes, as `scaling draw --detail family` lays them out: an image, then a bar a block.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const BAR_GAP = 1;
const STAGE_GAP = 5;
const LABEL_HEIGHT = 13;

function svgElement(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Every network to one scale: pixels of images, root of channels, equal bars.
function drawNetworks(networks) {
  const column = 200;
  const specs = networks.map((network) => network.spec);
  const most = Math.max(...specs.map((spec) => spec.stages.reduce((sum, s) => sum + s.repeats, 0)));
  const widest = Math.max(...specs.flatMap((spec) =>
    [spec.head.out_channels, ...spec.stages.map((stage) => stage.out_channels)]));
  const scale = {
    column,
    bar: Math.max(1, Math.min(9, 420 / most)),
    channels: (count) => (column - 70) * Math.sqrt(count / widest),
    pixels: 80 / Math.max(...specs.map((spec) => spec.image_size)),
  };
  const svg = svgElement("svg", { role: "img", "aria-labelledby": "drawing-title" });
  const words = networks.map(({ title, spec }) => `${title}: ${describe(spec)}`).join("; ");
  svg.append(svgElement("title", { id: "drawing-title" }, words));
  const heights = networks.map((network, index) => drawNetwork(svg, network, index * column, scale));
  svg.setAttribute("viewBox", `0 0 ${column * networks.length} ${Math.max(...heights) + 8}`);
  return svg;
}

function describe(spec) {
  const stages = spec.stages.map((stage) => `${stage.repeats}×${stage.out_channels}`).join(", ");
  return `${spec.image_size} pixels, stages ${stages}, head ${spec.head.out_channels}`;
}

function drawNetwork(svg, { title, spec }, left, scale) {
  const middle = left + scale.column / 2;
  const side = spec.image_size * scale.pixels;
  const text = (x, y, words, kind) => svg.append(svgElement("text", { x, y, class: kind }, words));
  text(middle, 14, title, "title");
  let y = 24 + 80 - side;
  svg.append(svgElement("rect", { x: middle - side / 2, y, width: side, height: side, class: "image" }));
  text(middle, y + side / 2 + 4, `${spec.image_size}`, "label");
  y = 24 + 80 + 10;
  const bar = (count, kind) => {
    const width = scale.channels(count);
    svg.append(svgElement("rect",
      { x: middle - width / 2, y, width, height: scale.bar, rx: 1, class: kind }));
    y += scale.bar + BAR_GAP;
  };
  bar(spec.stem.out_channels, "end");
  y += STAGE_GAP - BAR_GAP;
  spec.stages.forEach((stage, index) => {
    const top = y;
    for (let block = 0; block < stage.repeats; block += 1) {
      bar(stage.out_channels, `stage stage${Math.min(6, Math.round((index * 6) / (spec.stages.length - 1 || 1)))}`);
    }
    const beside = middle + scale.channels(stage.out_channels) / 2 + 5;
    text(beside, (top + y - BAR_GAP) / 2 + 3.5, `${stage.repeats}×${stage.out_channels}`, "beside");
    y = Math.max(y + STAGE_GAP - BAR_GAP, top + LABEL_HEIGHT);
  });
  bar(spec.head.out_channels, "end");
  return y;
}
