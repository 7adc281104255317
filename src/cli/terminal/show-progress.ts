/** Shows a run as it goes: live lines on a terminal, plain lines elsewhere, nothing if told so. */
import { describeLayers } from '../../layers/sizes.js';
import { kernelsNotice } from '../../report/kernels-notice.js';
import { liveFrame } from '../../report/live-frame.js';
import { PlainLines } from '../../report/plain-lines.js';
import { RunProgress } from '../../report/progress.js';
import * as units from '../../report/units.js';
import type { RunEvent } from '../../run/events.js';
import { LiveRegion } from './live-region.js';
import type { TextStream } from './output.js';

export class ProgressDisplay {
  readonly #err: TextStream;
  readonly #region: LiveRegion | undefined;
  readonly #plain = new PlainLines();
  readonly #quiet: boolean;
  #progress: RunProgress | undefined;

  constructor(err: TextStream, quiet: boolean) {
    this.#err = err;
    this.#quiet = quiet;
    this.#region = err.isTerminal && !quiet ? new LiveRegion(err) : undefined;
  }

  show(event: RunEvent): void {
    const now = performance.now() / 1000;
    if (event.type === 'started') {
      this.#progress = new RunProgress(event, now);
      this.#announce(event);
    }
    if (event.type === 'notice') {
      if (!this.#quiet) this.note(event.text);
      return;
    }
    const progress = this.#progress;
    if (progress === undefined) return;
    progress.observe(event, now);
    if (this.#region === undefined) {
      const line = this.#plain.after(event, progress, now);
      if (line !== undefined && !this.#quiet) this.#err.line(line);
      return;
    }
    if (event.type === 'node-died' || event.type === 'resumed' || event.type === 'checkpoint-failed')
      this.note(this.#plain.after(event, progress, now) ?? '');
    else if (event.type === 'trained' || event.type === 'finished' || event.type === 'interrupted')
      this.#region.clear();
    else this.#region.draw(() => liveFrame(progress, this.#err.paint.cyan));
  }

  /** A line that stays, above what is drawn. */
  note(text: string): void {
    this.#region?.clear();
    this.#err.line(text);
  }

  /** Leaves the terminal clean, whatever happened. */
  end(): void {
    this.#region?.clear();
  }

  #announce({
    spec,
    execution,
    kernels,
    kernelsReason,
    dataset,
    folder,
  }: Extract<RunEvent, { type: 'started' }>): void {
    const { nodes, variant, threadsPerNode } = execution;
    // Worth a line even for those who want no progress: the run is many times slower.
    if (kernelsReason !== undefined)
      this.#err.line(`${this.#err.paint.yellow('pff:')} ${kernelsNotice(kernels, kernelsReason)}`);
    if (this.#quiet) return;
    const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
    const lag = spec.labelLag === 1 ? '' : ` (label lag ${spec.labelLag})`;
    const negatives = spec.negatives === 'none' ? '' : `, ${spec.negatives} negatives${lag}`;
    this.#err.line(
      `${dataset.name}: ${units.count(dataset.trainSamples)} images, layers ${describeLayers(spec.layers)}, ${spec.objective}${negatives}, ` +
        `${plural(spec.epochs, 'epoch')} in ${plural(spec.splits, 'chapter')}, seed ${spec.seed}`,
    );
    this.#err.line(
      `${variant} on ${plural(nodes, 'node')}, ${kernels} kernels, ${plural(threadsPerNode, 'thread')}${nodes > 1 ? ' a node' : ''}`,
    );
    if (folder !== undefined) this.#err.line(`run folder ${folder}`);
  }
}
