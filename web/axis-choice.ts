/** What runs along the bottom of curves: chapters, or seconds of wall clock. */
import { exactClock } from '../src/report/units.js';
import { h } from './dom.js';

export type XAxis = 'chapter' | 'clock';

export const X_NAMES: Readonly<Record<XAxis, string>> = {
  chapter: 'chapter',
  clock: 'wall clock since the start (min:s)',
};

export interface AxisChoice {
  readonly element: HTMLElement;
  readonly value: XAxis;
  /** How to write an x value. */
  readonly text: (value: number) => string;
}

export function axisChoice(name: string, onChange: () => void): AxisChoice {
  let value: XAxis = 'chapter';
  const option = (axis: XAxis, label: string): HTMLElement => {
    const input = h('input', { type: 'radio', name, value: axis, checked: axis === value });
    input.addEventListener('change', () => {
      value = axis;
      onChange();
    });
    return h('label', {}, input, label);
  };
  return {
    element: h(
      'fieldset',
      { class: 'choice' },
      h('legend', { class: 'hidden' }, 'Along the bottom'),
      option('chapter', 'by chapter'),
      option('clock', 'by wall clock'),
    ),
    get value() {
      return value;
    },
    text: (x) => (value === 'chapter' ? (Number.isInteger(x) ? String(x) : '') : exactClock(x)),
  };
}
