import { leavesEmpty, type RunSpec } from '../spec/spec.js';

/** What a spec asks for that mostly costs accuracy, in words; nothing is changed. */
export function adviceOn(spec: RunSpec): string | undefined {
  if (!spec.subtractMean || !leavesEmpty(spec) || spec.fill === 'mean') return undefined;
  // Six points of 2,000 held-out images of CIFAR-10 in a trial of four epochs (docs/LOG.md).
  return 'images lose their means, but black comes in where they are moved or cut, so those to train on differ from those to predict: --fill mean is mostly better';
}
