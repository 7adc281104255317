/** A plugin for tests: one part of each kind. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export default {
  objectives: {
    // A hinge on the gap of each pair.
    'my-loss': ({ steepness }) => ({
      evaluate(positive, negative, positiveGradient, negativeGradient) {
        let loss = 0;
        for (let b = 0; b < positive.length; b++) {
          const gap = positive[b] - negative[b];
          loss += Math.max(0, 1 - steepness * gap);
          positiveGradient[b] = steepness * gap < 1 ? -steepness : 0;
          negativeGradient[b] = steepness * gap < 1 ? steepness : 0;
        }
        return loss;
      },
    }),
  },
  // The mean activity in place of the mean square.
  goodnesses: {
    activity: {
      of: (row) => row.reduce((sum, y) => sum + y, 0) / row.length,
      gradient: (row, out) => out.fill(1 / row.length),
    },
  },
  negatives: {
    shifted: ({ labels, classes, stream, out }) => {
      for (let i = 0; i < labels.length; i++) out[i] = (labels[i] + 1 + stream.below(classes - 1)) % classes;
    },
    'right-class': ({ labels, out }) => out.set(labels),
  },
  // A folder beside the run's.
  stores: {
    folder: async ({ folder }) => {
      const kept = `${folder}.kept`;
      await mkdir(kept, { recursive: true });
      const file = (key) => path.join(kept, key);
      return {
        put: (key, bytes) => writeFile(file(key), bytes),
        get: (key) => readFile(file(key)).catch(() => undefined),
        delete: (key) => rm(file(key), { force: true }),
        close: () => writeFile(file('closed'), ''),
      };
    },
    broken: () => {
      throw new Error('the door is locked');
    },
  },
  schedules: { staircase: (progress) => (progress < 0.5 ? 1 : 0.25) },
};
