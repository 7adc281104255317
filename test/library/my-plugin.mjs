/** A plugin for tests: one part of each kind. */
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
  negatives: {
    shifted: ({ labels, classes, stream, out }) => {
      for (let i = 0; i < labels.length; i++) out[i] = (labels[i] + 1 + stream.below(classes - 1)) % classes;
    },
    'right-class': ({ labels, out }) => out.set(labels),
  },
  schedules: { staircase: (progress) => (progress < 0.5 ? 1 : 0.25) },
};
