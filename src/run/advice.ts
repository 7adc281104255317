import { leavesEmpty, usesPredictedLabels, type RunSpec } from '../spec/spec.js';

/** What a spec asks for that mostly costs accuracy, or is not done, in words; nothing is changed. */
export function adviceOn(spec: RunSpec): string[] {
  const advice: string[] = [];
  // Six points of 2,000 held-out images of CIFAR-10 in a trial of four epochs (docs/LOG.md).
  if (spec.subtractMean && leavesEmpty(spec) && spec.fill !== 'mean')
    advice.push(
      'images lose their means, but black comes in where they are moved or cut, so those to train on differ from those to predict: --fill mean is mostly better',
    );
  const { negatives, labelLag, splits } = spec;
  if (usesPredictedLabels(negatives) && labelLag >= splits)
    advice.push(
      `negatives are ${negatives}, but labels are first predicted for chapter ${labelLag + 1} of ${splits}: all are drawn at random; give more --splits${labelLag > 1 ? ' or a smaller --label-lag' : ''}`,
    );
  return advice;
}
