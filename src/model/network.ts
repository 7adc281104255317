/** The structure of a network's layers and heads, as a run spec and a dataset's label layout fix it. */
import type { LabelLayout } from '../data/labels.js';
import { linearHead } from '../layers/dense.js';
import type { LayerStructure } from '../layers/layer-state.js';
import { geometries, rowWidths } from '../layers/sizes.js';
import { objectiveOf } from '../objectives/table.js';
import type { RunSpec } from '../spec/spec.js';
import { layerCount } from '../spec/spec.js';

export interface NetworkStructure {
  /** The trained layers, in order. */
  readonly layers: readonly LayerStructure[];
  /** The softmax classifier, trained as one more layer of the pipeline; absent for other classifiers. */
  readonly classifier: LayerStructure | undefined;
  readonly classes: number;
}

/** The network of `spec`. Layer 0 reads image part and label part (data/labels.ts). */
export function networkStructure(spec: RunSpec, layout: LabelLayout): NetworkStructure {
  const classes = layout.suffix;
  const objective = objectiveOf(spec.objective);
  const all = geometries(spec.layers, layout.inputs);
  const layers = all.map((geometry, layer): LayerStructure => {
    const labelInputs = layer === 0 ? layout.inputs - layout.prefix : 0;
    const last = layer === all.length - 1;
    return { layer, parts: objective.parts(spec, { geometry, labelInputs, layer, last, classes }) };
  });
  const classifier: LayerStructure | undefined =
    spec.classifier === 'softmax'
      ? {
          layer: layerCount(spec),
          parts: [
            {
              role: 'head',
              geometry: linearHead(classifierInputs(spec), classes),
              labelInputs: 0,
              initialDeviation: 0,
            },
          ],
        }
      : undefined;
  return { layers, classifier, classes };
}

/** The softmax classifier reads the activations of all layers but the first, side by side. */
export function classifierInputs(spec: RunSpec): number {
  return rowWidths(spec.layers)
    .slice(1)
    .reduce((sum, width) => sum + width, 0);
}

/** All layers in order, then the classifier if there is one. */
export function allStructures(network: NetworkStructure): readonly LayerStructure[] {
  return network.classifier ? [...network.layers, network.classifier] : network.layers;
}
