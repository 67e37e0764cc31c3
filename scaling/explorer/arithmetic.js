// The generator and the closed-form cost of the Python package, to the unit. No DOM here.
// Each function is named as its Python counterpart; where Python's floats behave otherwise than
// JavaScript's, a comment says so. Errors are thrown as SpecError with one line for the reader.
"use strict";

class SpecError extends Error {}

// Python's round(): half to even. The difference to the floor is exact for doubles.
function roundHalfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

// Python's round(value, 1). toFixed is exact too, but sends ties up; only x.25 and x.75 are ties.
function roundOneDecimal(value) {
  if (Math.abs((value * 4) % 2) === 1) return roundHalfEven(value * 10) / 10;
  return Number(value.toFixed(1));
}

// Python's float(f"{value:.12g}"). toExponential is exact but sends ties up; Python sends them to even.
function twelveDigits(value) {
  const exact = value.toExponential(60);
  const digits = exact.match(/^(\d\.\d{11})(\d+)e([+-]\d+)$/);
  const isTie = digits !== null && /^50*$/.test(digits[2]);
  if (isTie && Number(digits[1].at(-1)) % 2 === 0) return Number(`${digits[1]}e${digits[3]}`);
  return Number(value.toExponential(11));
}

function outSize(size, stride) {
  return Math.ceil(size / stride);
}

function coefficient(value, rules) {
  return rules.coefficient_rounding === "released" ? roundOneDecimal(value) : twelveDigits(value);
}

function channels(count, width, rules) {
  const scaled = count * width;
  const divisor = rules.channel_divisor;
  if (rules.channel_rule === "round") return Math.max(1, roundHalfEven(scaled / divisor)) * divisor;
  const rounded = Math.max(divisor, Math.floor(Math.trunc(scaled + divisor / 2) / divisor) * divisor);
  return rules.channel_rule === "released" && rounded < 0.9 * scaled ? rounded + divisor : rounded;
}

function repeats(count, depth, rules) {
  const scaled = count * depth;
  return Math.max(1, rules.repeat_rule === "ceil" ? Math.ceil(scaled) : roundHalfEven(scaled));
}

function headChannels(baseline, width, rules) {
  if (!rules.scaled_stem_and_head) return baseline.head.out_channels;
  if (rules.head_rule === "channel-rule") return channels(baseline.head.out_channels, width, rules);
  const last = baseline.stages.at(-1).out_channels;
  return Math.max(1, roundHalfEven((baseline.head.out_channels / last) * channels(last, width, rules)));
}

function imageSize(side, resolution, rules) {
  const step = rules.image_size_step;
  return Math.max(step, Math.floor((side * resolution) / step + 0.5) * step);
}

function squeezeChannels(inChannels, ratio, rounding) {
  if (ratio === 0) return 0;
  const scaled = ratio * inChannels;
  return Math.max(1, rounding === "floor" ? Math.trunc(scaled) : roundHalfEven(scaled));
}

function checkPositive(name, value) {
  if (!Number.isFinite(value)) throw new SpecError(`${name} must be a number`);
  if (value <= 0) throw new SpecError(`${name} must be above 0, got ${value}`);
}

// (alpha, beta, gamma, phi), or depth, width and image directly, to the three multipliers, unrounded.
function multipliers(settings, baseline) {
  if (settings.mode === "direct") {
    for (const name of ["depth", "width", "image"]) checkPositive(name, settings[name]);
    return { depth: settings.depth, width: settings.width, resolution: settings.image / baseline.image_size };
  }
  for (const name of ["alpha", "beta", "gamma"]) checkPositive(name, settings[name]);
  if (!Number.isFinite(settings.phi)) throw new SpecError("phi must be a number");
  return {
    depth: Math.pow(settings.alpha, settings.phi),
    width: Math.pow(settings.beta, settings.phi),
    resolution: Math.pow(settings.gamma, settings.phi),
  };
}

function checkRange(name, value, low, high) {
  if (!(value >= low && value <= high)) {
    throw new SpecError(`${name} must be between ${low} and ${high}, got ${value}`);
  }
}

// scaling.network.generation.scale: coefficients first, then channels, repeats and image size.
function scaleBaseline(settings, baseline, limits) {
  const rules = settings.rules;
  for (const name of ["channel_divisor", "image_size_step"]) {
    if (!Number.isInteger(rules[name])) throw new SpecError(`${name} must be a whole number`);
    checkRange(name, rules[name], 1, 1024);
  }
  const raw = multipliers(settings, baseline);
  for (const name of ["depth", "width", "resolution"]) {
    checkRange(`${name} coefficient`, raw[name], Number.MIN_VALUE, limits.largest_coefficient);
  }
  const depth = coefficient(raw.depth, rules);
  const width = coefficient(raw.width, rules);
  if (depth <= 0 || width <= 0) {
    throw new SpecError(`${depth <= 0 ? "depth" : "width"} coefficient rounds to 0.0 at one decimal`);
  }
  const stem = rules.scaled_stem_and_head
    ? channels(baseline.stem.out_channels, width, rules)
    : baseline.stem.out_channels;
  const stages = scaledStages(baseline, stem, depth, width, rules);
  const spec = {
    depth_coefficient: depth,
    width_coefficient: width,
    resolution_coefficient: raw.resolution,
    image_size: imageSize(baseline.image_size, raw.resolution, rules),
    in_channels: baseline.in_channels,
    num_classes: baseline.num_classes,
    stem: { ...baseline.stem, out_channels: stem },
    stages,
    head: { out_channels: headChannels(baseline, width, rules) },
  };
  checkSpec(spec, limits);
  return spec;
}

function scaledStages(baseline, stem, depth, width, rules) {
  let into = stem;
  const last = baseline.stages.length - 1;
  return baseline.stages.map((stage, index) => {
    const kept = !rules.scaled_end_repeats && (index === 0 || index === last);
    const scaled = {
      ...stage,
      in_channels: into,
      out_channels: channels(stage.out_channels, width, rules),
      repeats: kept ? stage.repeats : repeats(stage.repeats, depth, rules),
      squeeze_rounding: rules.squeeze_rounding,
    };
    into = scaled.out_channels;
    return scaled;
  });
}

function checkSpec(spec, limits) {
  const blocks = spec.stages.reduce((sum, stage) => sum + stage.repeats, 0);
  const widths = [spec.stem.out_channels, spec.head.out_channels, ...spec.stages.map((s) => s.out_channels)];
  checkRange("image size", spec.image_size, limits.smallest_image, limits.largest_image);
  checkRange("blocks", blocks, 1, limits.most_blocks);
  checkRange("channels of the widest layer", Math.max(...widths), 1, limits.most_channels);
}

// Counts are {macs, params, activations} of convolutions and linear layers.
function add(...counts) {
  const total = { macs: 0, params: 0, activations: 0 };
  for (const count of counts) for (const key of Object.keys(total)) total[key] += count[key];
  return total;
}

function times(count, number) {
  return { macs: count.macs * number, params: count.params * number, activations: count.activations * number };
}

// One row of scaling.network.operations: an operation, and the batch norm behind it unless it has a bias.
function operation(part, inChannels, outChannels, side, { kernel = 1, stride = 1, groups = 1, bias = false } = {}) {
  return { part, inChannels, outChannels, kernel, stride, groups, bias, outSide: outSize(side, stride) };
}

// The rows of one block that count; squeeze-excitation works on maps of one pixel.
function blockOperations(stage, inChannels, stride, side) {
  const wide = inChannels * stage.expand_ratio;
  const squeeze = squeezeChannels(inChannels, stage.se_ratio, stage.squeeze_rounding);
  const rows = [];
  if (stage.expand_ratio !== 1) rows.push(operation("expand", inChannels, wide, side));
  rows.push(operation("depthwise", wide, wide, side, { kernel: stage.kernel_size, stride, groups: wide }));
  if (squeeze > 0) {
    rows.push(operation("reduce", wide, squeeze, 1, { bias: true }), operation("gate", squeeze, wide, 1, { bias: true }));
  }
  rows.push(operation("project", wide, stage.out_channels, outSize(side, stride)));
  return rows;
}

function countOperations(rows) {
  return add(...rows.map(({ inChannels, outChannels, kernel, groups, bias, outSide }) => {
    const weights = kernel * kernel * (inChannels / groups) * outChannels;
    const map = outSide * outSide;
    return { macs: map * weights, params: weights + (bias ? 1 : 2) * outChannels, activations: map * outChannels };
  }));
}

function stageCost(stage, side) {
  const first = blockOperations(stage, stage.in_channels, stage.stride, side);
  const again = blockOperations(stage, stage.out_channels, 1, outSize(side, stage.stride));
  return add(countOperations(first), times(countOperations(again), stage.repeats - 1));
}

// The pieces of scaling.cost.count_cost, in its order, with what the table shows of each.
function pieces(spec) {
  let side = outSize(spec.image_size, spec.stem.stride);
  const { stem, head } = spec;
  const conv = operation("stem", spec.in_channels, stem.out_channels, spec.image_size,
    { kernel: stem.kernel_size, stride: stem.stride });
  const found = [
    piece("stem", `Conv ${stem.kernel_size}×${stem.kernel_size}`, stem.stride, spec.image_size, 1, stem.out_channels,
      countOperations([conv])),
  ];
  spec.stages.forEach((stage, index) => {
    const words = `MBConv${stage.expand_ratio} ${stage.kernel_size}×${stage.kernel_size}`;
    found.push(piece(`stage${index + 1}`, words, stage.stride, side, stage.repeats, stage.out_channels,
      stageCost(stage, side)));
    side = outSize(side, stage.stride);
  });
  const last = operation("head", spec.stages.at(-1).out_channels, head.out_channels, side);
  const dense = operation("classifier", head.out_channels, spec.num_classes, 1, { bias: true });
  found.push(piece("head", "Conv 1×1", 1, side, 1, head.out_channels, countOperations([last])));
  found.push(piece("classifier", "pool, dense", 1, side, 1, spec.num_classes, countOperations([dense])));
  return found;
}

function piece(name, operator, stride, side, repeats_, outChannels, cost) {
  return { name, operator, stride, side, repeats: repeats_, channels: outChannels, ...cost };
}

function countCost(spec) {
  const byStage = pieces(spec);
  const total = add(...byStage);
  if (!Object.values(total).every(Number.isSafeInteger)) {
    throw new SpecError("this network is too large for exact arithmetic in a browser (2^53)");
  }
  return { ...total, byStage };
}

// The cost multiple that the formula promises.
function nominalFactor(settings, baseline) {
  const { depth, width, resolution } = multipliers(settings, baseline);
  return depth * width ** 2 * resolution ** 2;
}

// The official variant nearest in params and multiply-adds: least |log ratio| of both together.
function nearestOfficial(cost, official) {
  let best = null;
  for (const each of official) {
    const distance =
      Math.abs(Math.log(cost.macs / each.macs)) + Math.abs(Math.log(cost.params / each.params));
    if (best === null || distance < best.distance) best = { ...each, distance };
  }
  return best;
}

function sameArchitecture(one, other) {
  const bare = (spec) =>
    JSON.stringify([
      spec.image_size, spec.stem.out_channels, spec.head.out_channels,
      spec.stages.map((s) => [s.repeats, s.in_channels, s.out_channels, s.se_ratio,
        squeezeChannels(s.in_channels, s.se_ratio, s.squeeze_rounding)]),
    ]);
  return bare(one) === bare(other);
}
