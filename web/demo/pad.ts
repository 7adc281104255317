/** A pad to draw a digit on, by mouse, pen, finger or keyboard: arrow keys move the pen, the space bar puts it down and up. */
import { h } from '../dom.js';
import { digitOf } from './digit.js';

const [SIDE, STEP] = [280, 10];
/** Of the pen, in pixels of the pad. */
const WIDTH = 22;

export interface Pad {
  readonly element: HTMLElement;
  clear(): void;
}

/** @param onImage gets each new image [28 · 28], or undefined when the pad is empty */
export function pad(onImage: (image: Uint8Array | undefined) => void): Pad {
  const canvas = h('canvas', {
    width: SIDE,
    height: SIDE,
    class: 'pad',
    tabindex: 0,
    role: 'application',
    'aria-label':
      'Pad to draw a digit on. Arrow keys move the pen, the space bar puts it down or lifts it, Delete clears.',
  });
  const clear = h('button', { type: 'button' }, 'Clear');
  const element = h('div', { class: 'pad-box' }, canvas, clear);
  const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  context.lineCap = context.lineJoin = 'round';
  context.lineWidth = WIDTH;
  // White ink on black, as in the data, in both themes.
  context.strokeStyle = '#fff';
  let [x, y, down] = [SIDE / 2, SIDE / 4, false];
  let waiting = 0;

  const empty = (): void => {
    context.fillStyle = '#000';
    context.fillRect(0, 0, SIDE, SIDE);
  };
  const read = (): void => {
    waiting = 0;
    const { data } = context.getImageData(0, 0, SIDE, SIDE);
    onImage(
      digitOf(
        Uint8ClampedArray.from({ length: SIDE * SIDE }, (_, i) => data[4 * i] as number),
        SIDE,
      ),
    );
  };
  const readSoon = (): void => {
    if (waiting === 0) waiting = requestAnimationFrame(read);
  };
  const lineTo = (toX: number, toY: number): void => {
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(toX, toY);
    context.stroke();
    [x, y] = [toX, toY];
    readSoon();
  };
  const place = ({ clientX, clientY }: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * SIDE, ((clientY - box.top) / box.height) * SIDE];
  };
  const clean = (): void => {
    empty();
    readSoon();
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    [x, y] = place(event);
    lineTo(x, y);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) lineTo(...place(event));
  });
  canvas.addEventListener('keydown', (event) => {
    const move = ARROWS[event.key];
    if (move) {
      const to = [x + move[0] * STEP, y + move[1] * STEP].map((at) => Math.min(SIDE, Math.max(0, at))) as [
        number,
        number,
      ];
      if (down) lineTo(...to);
      else [x, y] = to;
    } else if (event.key === ' ') {
      down = !down;
      if (down) lineTo(x, y);
    } else if (event.key === 'Delete' || event.key === 'Backspace') clean();
    else return;
    event.preventDefault();
  });
  clear.addEventListener('click', clean);
  empty();
  return { element, clear: clean };
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
