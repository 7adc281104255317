/** What the test's page runs: toy trainings by the portable core, with all of it in the bundle. */
import * as core from '../../src/browser.js';
import type { PffVariant } from '../../src/schedule/assign.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

export interface Asked {
  readonly spec: PartialSpec;
  readonly variant: PffVariant;
  readonly nodes: number;
}

export interface Trained {
  readonly modelDigest: string;
  readonly dataDigest: string;
  /** Events of finished tasks. */
  readonly tasks: number;
  readonly memoryIsShared: boolean;
}

async function train({ spec, variant, nodes }: Asked): Promise<Trained> {
  const dataset = toyDataset();
  let tasks = 0;
  const { modelDigest, states } = await core.trainInThread({
    dataset,
    spec: toySpec(spec),
    kernels: core.openReference(),
    variant,
    nodes,
    signal: new AbortController().signal,
    onEvent: (event) => {
      if (event.type === 'task-finished') tasks += 1;
    },
  });
  const memoryIsShared = !(states[0]?.buffer instanceof ArrayBuffer);
  return { modelDigest, dataDigest: dataset.digest, tasks, memoryIsShared };
}

// All exports are kept, so that the bundle is what a browser node needs.
Object.assign(globalThis, { core, train });
