/** The shapes of a network's layers and heads, as a run spec and a dataset's label layout fix them. */
import type { LabelLayout } from '../data/labels.js';
import type { RunSpec } from '../spec/spec.js';
import { layerCount, passesUnitLength, usesNegatives } from '../spec/spec.js';
import type { DenseShape, LayerShape } from './layer-state.js';

export interface NetworkShape {
  /** The trained layers, in order. */
  readonly layers: readonly LayerShape[];
  /** The softmax classifier, trained as one more layer of the pipeline; absent for other classifiers. */
  readonly classifier: LayerShape | undefined;
  readonly classes: number;
}

/**
 * Shapes for `spec`. Layer 0 reads image part and label part ([P + C] inputs, see data/labels.ts).
 *
 * Rows enter a layer with unit length, so weights of N(0, σ²) give activations of mean square σ²/2: σ² = 2θ starts the
 * mean goodness at θ, σ² = 2θ/O the sum. Mono-Forward passes activations on as they are; its rows begin with about unit
 * length in all layers.
 */
export function networkShape(spec: RunSpec, layout: LabelLayout): NetworkShape {
  const classes = layout.suffix;
  const supervised = !usesNegatives(spec.objective);
  const monoForward = spec.objective === 'mono-forward';
  const last = spec.layers.length - 2;
  const layers = spec.layers.slice(1).map((outputs, layer): LayerShape => {
    const inputs = layer === 0 ? layout.inputs : (spec.layers[layer] as number);
    // Where activations pass on as they are, upper layers begin as He et al. (2015) have it.
    const he = !passesUnitLength(spec) && layer > 0 ? 1 / inputs : monoForward ? 1 / outputs : 1;
    const goodnessAtStart = supervised ? he : spec.goodness === 'sum' ? spec.threshold / outputs : spec.threshold;
    const dense: DenseShape[] = [
      { role: 'layer', inputs, outputs, initialDeviation: spec.initScale * Math.sqrt(2 * goodnessAtStart) },
    ];
    if (supervised && (spec.objective !== 'backprop' || layer === last))
      dense.push({
        role: 'head',
        inputs: outputs,
        outputs: classes,
        initialDeviation: monoForward ? spec.initScale / Math.sqrt(outputs) : 0,
        ...(monoForward ? { withoutBias: true } : {}),
      });
    return { layer, dense };
  });
  const classifier: LayerShape | undefined =
    spec.classifier === 'softmax'
      ? {
          layer: layerCount(spec),
          dense: [{ role: 'head', inputs: classifierInputs(spec), outputs: classes, initialDeviation: 0 }],
        }
      : undefined;
  return { layers, classifier, classes };
}

/** The softmax classifier reads the activations of all layers but the first, side by side. */
export function classifierInputs(spec: RunSpec): number {
  return spec.layers.slice(2).reduce((sum, units) => sum + units, 0);
}

/** All shapes in order: the layers, then the classifier if there is one. */
export function allShapes(network: NetworkShape): readonly LayerShape[] {
  return network.classifier ? [...network.layers, network.classifier] : network.layers;
}
