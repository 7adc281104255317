/** Who follows a run of a cluster measures accuracy while it goes on; a run in two phases has the bits that it has on one machine. */
import { afterEach, expect, it } from 'vitest';
import type { RunEvent } from '../../src/run/events.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { Fleet, spec as onePhase } from './fleet.js';

const fleet = new Fleet();
afterEach(() => fleet.end());
const spec = { ...onePhase, phases: [3] };

it('accuracy of chapters whose layers are there, the same as locally; early stopping is refused', async () => {
  const at = await fleet.server();
  fleet.node(at);
  const validations = async (
    more: Parameters<typeof train>[0],
  ): Promise<{ found: Map<number, number>; digest: string | undefined }> => {
    const found = new Map<number, number>();
    const asked = { spec, validateEvery: 1, validateSamples: 200, ...more };
    let result: Extract<RunEvent, { type: 'finished' }>['result'] | undefined;
    for await (const event of train(asked)) {
      if (event.type === 'validation') found.set(event.chapter, event.accuracy);
      if (event.type === 'finished') ({ result } = event);
    }
    // All of the test samples are taken: the last figure is that of the evaluation.
    expect(found.get(spec.splits - 1)).toBe(result?.testAccuracy);
    return { found, digest: result?.modelDigest };
  };
  const here = await validations({});
  const followed = await validations({ cluster: { server: { server: at.url }, run: 'watched', leaseMs: 1500 } });
  expect(followed.found.size).toBeGreaterThan(1);
  for (const [chapter, accuracy] of followed.found)
    expect([chapter, accuracy]).toEqual([chapter, here.found.get(chapter)]);
  expect(followed.digest).toBe(here.digest);

  const early = { ...spec, validationSamples: 100, earlyStop: 1 };
  await expect(trainToEnd({ spec: early, cluster: { server: { server: at.url }, run: 'early' } })).rejects.toThrow(
    'earlyStop is 1, but a run on a cluster does not stop early',
  );
});
