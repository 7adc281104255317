/** A plugin for tests in which almost every part is wrong in a way of its own. */
const head = { outputs: 'classes' };
let calls = 0;

export default {
  objectives: {
    // The gradient of half the loss.
    'half-gradient': () => ({
      evaluate(positive, negative, positiveGradient, negativeGradient) {
        let loss = 0;
        for (let b = 0; b < positive.length; b++) {
          loss += negative[b] ** 2 - positive[b];
          positiveGradient[b] = -1;
          negativeGradient[b] = negative[b];
        }
        return loss;
      },
    }),
    // Another loss each time.
    moody: () => ({
      evaluate(positive, negative, positiveGradient, negativeGradient) {
        positiveGradient.fill(-1);
        negativeGradient.fill(1);
        return negative.reduce((sum, each, b) => sum + each - positive[b], 0) + 1e-3 * calls++;
      },
    }),
    // Its head's gradient has the wrong sign for one class.
    'wrong-head': {
      heads: [head],
      loss: () => ({
        evaluate({ heads: [scores], labels, classes, headGradients: [gradient] }) {
          let loss = 0;
          for (let i = 0; i < scores.length; i++) {
            const target = i % classes === labels[Math.floor(i / classes)] ? 1 : 0;
            loss += (scores[i] - target) ** 2;
            gradient[i] = (i % classes === 2 ? -2 : 2) * (scores[i] - target);
          }
          return loss;
        },
      }),
    },
    headless: { heads: [], loss: () => ({ evaluate: () => 0 }) },
    // A hinge in squares: right, kinks and all.
    fine: {
      heads: [head],
      loss: () => ({
        evaluate({ heads: [scores], labels, classes, headGradients: [gradient] }) {
          let loss = 0;
          for (let i = 0; i < scores.length; i++) {
            const sign = i % classes === labels[Math.floor(i / classes)] ? 1 : -1;
            const lack = Math.max(0, 1 - sign * scores[i]);
            loss += lack * lack;
            gradient[i] = -2 * sign * lack;
          }
          return loss;
        },
      }),
    },
  },
  goodnesses: {
    squares: {
      of: (row) => row.reduce((sum, y) => sum + y * y, 0),
      gradient: (row, out) => row.forEach((y, o) => (out[o] = y)),
    },
  },
  schedules: { sinking: (progress) => 0.5 - progress, nothing: () => 0 },
};
