/** The figures of a training that goes on: accuracy and the objective, as charts of the run page. */
import type { TrainEvent } from '../../src/in-browser/index.js';
import { chart, plain, share, type Chart } from '../chart.js';
import { layerColour } from '../names.js';
import { themeColour } from '../dom.js';

type Points = [number, number][];

export class Figures {
  readonly #accuracy = chart({
    title: 'Test accuracy',
    explanation: 'Share of the 10,000 test images that the network reads right, after each chapter.',
    x: (value) => plain(value),
    y: (value) => share(value),
    tick: share,
  });
  readonly #loss = chart({
    title: 'Loss of each layer',
    explanation: 'Each layer learns by an objective of its own, without errors from the layers above.',
    x: (value) => plain(value),
    y: (value) => plain(value),
    tick: plain,
  });
  #measured: Points = [];
  #losses: Points[] = [];
  #begun = performance.now();

  get charts(): readonly Chart[] {
    return [this.#accuracy, this.#loss];
  }

  /** A training begins: its curves take the place of the last one's. */
  begin(): void {
    [this.#measured, this.#losses, this.#begun] = [[], [], performance.now()];
  }

  add(event: TrainEvent): void {
    const seconds = (performance.now() - this.#begun) / 1000;
    if (event.type === 'measured' || event.type === 'finished')
      this.#measured.push([seconds, event.evaluation.accuracy]);
    if (event.type === 'progress' && typeof event.task.layer === 'number') {
      const { loss, samples } = event.stats;
      (this.#losses[event.task.layer] ??= []).push([seconds, loss / samples]);
    }
  }

  show(): void {
    const x = 'seconds';
    this.#accuracy.set([{ name: 'all layers', colour: themeColour('good'), points: this.#measured, dots: true }], x);
    this.#loss.set(
      this.#losses.map((points, i) => ({ name: `layer ${i + 1}`, colour: layerColour(i), points })),
      x,
    );
  }

  /** In the colours of another theme. */
  redraw(): void {
    this.show();
    for (const each of this.charts) each.redraw();
  }
}
