// A network taken apart as scaling.network.decomposition does: modules, sub-blocks 1 to 3, layers. No DOM here.
"use strict";

const FINAL_LAYERS = 3;

// Input, rescaling, normalization, convolution, batch norm, activation; padding where the stem strides.
function stemLayers(spec) {
  return 6 + (spec.stem.stride > 1 ? 1 : 0);
}

// Layers of the operations of a block; a skip adds dropout and addition.
const LAYERS_OF = { expand: 3, depthwise: 3, reduce: 3, gate: 2, project: 2, skip: 2 };

// One block's modules and how many layers they hold.
function subBlock(stage, inChannels, stride) {
  const skips = stride === 1 && inChannels === stage.out_channels;
  const parts = blockOperations(stage, inChannels, stride, 1).map(({ part }) => part);
  if (skips) parts.push("skip");
  const modules = [parts.includes("expand") ? 2 : 1, ...(parts.includes("reduce") ? [3] : []), skips ? 5 : 4];
  const padding = stride > 1 ? 1 : 0;
  return { modules, skips, stride, layersEach: parts.reduce((sum, part) => sum + LAYERS_OF[part], padding) };
}

// Runs of equal sub-blocks, in order: the first of each stage, then its repeats as one.
function subBlocks(spec) {
  let side = outSize(spec.image_size, spec.stem.stride);
  return spec.stages.flatMap((stage, index) => {
    const into = [side, stage.in_channels];
    side = outSize(side, stage.stride);
    const out = [side, stage.out_channels];
    const words = `MBConv${stage.expand_ratio} ${stage.kernel_size}×${stage.kernel_size}`;
    const first = subBlock(stage, stage.in_channels, stage.stride);
    const kind = stage.expand_ratio === 1 ? 1 : 2;
    const runs = [{ ...first, stage: index + 1, kind, words, repeats: 1, into, out }];
    if (stage.repeats > 1) {
      const again = subBlock(stage, stage.out_channels, 1);
      runs.push({ ...again, stage: index + 1, kind: 3, words, repeats: stage.repeats - 1, into: out, out });
    }
    return runs;
  });
}

// 237 for B0, without pooling, dropout and classifier.
function countLayers(spec) {
  const inside = subBlocks(spec).reduce((sum, run) => sum + run.repeats * run.layersEach, 0);
  return stemLayers(spec) + inside + FINAL_LAYERS;
}
