/** What the network reads in a drawing: the digit, and how the scores of all digits compare. */
import type { BrowserPrediction } from '../../src/in-browser/index.js';
import { h, put, say, styled } from '../dom.js';

export interface Reading {
  readonly element: HTMLElement;
  show(prediction: BrowserPrediction | undefined, drawn: boolean): void;
}

export function reading(): Reading {
  const digit = h('p', { class: 'digit', 'aria-hidden': 'true' }, '–');
  const words = h('p', { class: 'explain', 'aria-live': 'polite' }, 'Nothing is drawn yet.');
  const bars = h('ol', { class: 'scores', 'aria-hidden': 'true' });
  return {
    element: h('div', { class: 'reading' }, digit, words, bars),
    show(prediction, drawn) {
      if (!prediction) {
        say(digit, '–');
        say(words, drawn ? 'The network has not learnt anything yet: train it.' : 'Nothing is drawn yet.');
        put(bars);
        return;
      }
      const shares = softmax(prediction.scores);
      const second = Math.max(...shares.filter((_, i) => i !== prediction.label));
      say(digit, prediction.className);
      const sure = (shares[prediction.label] ?? 0) > 2 * second ? '' : ', but is not sure';
      say(words, `The network reads a ${prediction.className}${sure}.`);
      put(
        bars,
        ...shares.map((value, i) =>
          h(
            'li',
            { class: i === prediction.label ? 'best' : undefined },
            String(i),
            styled(h('span'), '--share', `${100 * value}%`),
          ),
        ),
      );
    },
  };
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
