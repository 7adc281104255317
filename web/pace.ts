/**
 * How often a live page is drawn. It often runs on the machine that trains, where a drawing takes a core from it: so drawings
 * are so far apart that they take about one per cent of a core's time, whatever a drawing costs there.
 */

/** At the beginning, and where the run's state changed. */
const SOON_MS = 200;
const LEAST_MS = 1000;
const MOST_MS = 10_000;
/** A drawing's time on this thread, times this: what it costs on others, and a hundred for one per cent. */
const TIMES = 300;

export class Pace {
  #draw: () => void;
  #timer: number | undefined;
  #due = Infinity;
  #drawn = -Infinity;
  /** Milliseconds of a drawing: script, style, layout and paint. */
  #cost = 0;

  constructor(draw: () => void) {
    this.#draw = draw;
    document.addEventListener('visibilitychange', () => this.#plan());
  }

  /** Something has changed; draws it in time, once. Not while nobody can see it. */
  changed(soon: boolean): void {
    const after = soon ? SOON_MS : Math.min(MOST_MS, Math.max(LEAST_MS, TIMES * this.#cost));
    this.#due = Math.min(this.#due, this.#drawn + after);
    this.#plan();
  }

  #plan(): void {
    window.clearTimeout(this.#timer);
    if (this.#due === Infinity || document.visibilityState === 'hidden') return;
    this.#timer = window.setTimeout(() => this.#now(), Math.max(0, this.#due - performance.now()));
  }

  #now(): void {
    this.#due = Infinity;
    const from = performance.now();
    this.#drawn = from;
    this.#draw();
    const script = performance.now() - from;
    requestAnimationFrame(() => {
      const frame = performance.now();
      // Runs after this frame was laid out and painted.
      const { port1, port2 } = new MessageChannel();
      port1.addEventListener('message', () => {
        this.#cost = (this.#cost + script + performance.now() - frame) / 2;
        port1.close();
      });
      port1.start();
      port2.postMessage(0);
    });
  }
}
