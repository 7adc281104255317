/**
 * One run on a toy dataset in a process of its own, for tests that end it by force: `node toy-run.mjs OPTIONS`, where
 * OPTIONS are JSON for `train`. Prints a line when training begins, and the digest at the end.
 */
import { createHash } from 'node:crypto';
import { PffError, train } from '../../dist/index.js';

/** Images of 6 x 6 with a bright quadrant; a small linear congruential generator makes the noise. */
function samples(count, seed) {
  const images = new Uint8Array(new SharedArrayBuffer(count * 36));
  const labels = new Uint8Array(new SharedArrayBuffer(count));
  let state = seed;
  const below = (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * bound);
  };
  for (let i = 0; i < count; i++) {
    labels[i] = below(4);
    for (let p = 0; p < 36; p++) {
      const quadrant = (p % 6 >= 3 ? 1 : 0) + (p >= 18 ? 2 : 0);
      images[i * 36 + p] = below(100) + (quadrant === labels[i] ? 120 : 0);
    }
  }
  return { count, images, labels };
}

const parts = { train: samples(400, 1), test: samples(80, 2) };
const hash = createHash('sha256');
for (const { images, labels } of Object.values(parts)) hash.update(images).update(labels);
const dataset = {
  name: 'toy',
  shape: { width: 6, height: 6, channels: 1 },
  classes: ['a', 'b', 'c', 'd'],
  ...parts,
  digest: hash.digest('hex'),
};

try {
  for await (const event of train(JSON.parse(process.argv[2]), dataset)) {
    if (event.type === 'started') process.stdout.write('started\n');
    if (event.type === 'resumed') process.stdout.write(`resumed ${event.done.length} ${event.damaged.length}\n`);
    if (event.type === 'checkpoint-failed') process.stdout.write(`checkpoint-failed ${event.reason}\n`);
    if (event.type === 'finished') process.stdout.write(`finished ${event.result.modelDigest}\n`);
  }
} catch (error) {
  if (!(error instanceof PffError)) throw error;
  process.stdout.write(`failed ${error.code} ${error.message}\n`);
  process.exitCode = 1;
}
