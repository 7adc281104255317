/**
 * Progress as plain lines: one for a finished task, at most about one a second, and a sign of life in long tasks. The last
 * layer of a chapter says most of how far the network is, so its line comes also shortly after another's.
 */
import type { RunEvent } from '../run/events.js';
import type { TaskRef } from '../schedule/timeline.js';
import type { RunSpec } from '../spec/spec.js';
import { measuresOf, type RunProgress } from './progress.js';
import { clock, count, percent } from './units.js';

const LEAST_SECONDS = 1;
/** A line comes at least this often, in the middle of a task if need be. */
const MOST_SECONDS = 20;

export class PlainLines {
  #last = -Infinity;
  /** When the line of a chapter's last layer came. */
  #lastOfChapter = -Infinity;
  #lastValidation = -Infinity;

  /** The line to print after `event`, which `progress` has observed; most events have none. */
  after(event: RunEvent, progress: RunProgress, now: number): string | undefined {
    if (event.type === 'resumed')
      return [
        ...event.damaged.map(({ file, reason }) => `damaged and trained again: ${file} (${reason})`),
        `goes on from where it stopped, ${percent(progress.share, 1)} done`,
      ].join('\n');
    if (event.type === 'checkpoint-failed')
      return `the checkpoint could not be written (${event.reason}); training goes on and tries again`;
    if (event.type === 'node-died') return `node ${event.node + 1} died (${event.reason}); a new one takes over`;
    if (event.type === 'validation') return this.#validation(event, now);
    if (event.type !== 'task-finished' && event.type !== 'progress') return undefined;
    if (event.task.layer === 'labels') return undefined;
    const closes = event.type === 'task-finished' && closesChapter(progress.spec, event.task);
    const since = now - (closes ? this.#lastOfChapter : this.#last);
    if (since < (event.type === 'progress' ? MOST_SECONDS : LEAST_SECONDS)) return undefined;
    // The first line waits for the first finished task, or else as long as any other.
    if (event.type === 'progress' && this.#last === -Infinity && progress.elapsed < MOST_SECONDS) return undefined;
    this.#last = now;
    if (closes) this.#lastOfChapter = now;
    const node = progress.nodes > 1 ? `node ${event.node + 1}  ` : '';
    const batch = event.type === 'progress' ? `batch ${event.batch}/${event.batches}  ` : '';
    const speed = progress.samplesPerSecond;
    return [
      `${node}${progress.place(event.task)}  ${batch}${measuresOf(progress.spec, event.task, event.stats)}`,
      ...(speed === undefined ? [] : [`${count(speed)} samples/s`]),
      `${clock(progress.secondsLeft)} left`,
    ].join('  ');
  }

  #validation(event: Extract<RunEvent, { type: 'validation' }>, now: number): string | undefined {
    if (now - this.#lastValidation < LEAST_SECONDS) return undefined;
    this.#lastValidation = now;
    return validationText(event);
  }
}

/** `chapter 3: 97.2 % of 360 test samples right, best chapter 2` */
export function validationText({
  chapter,
  accuracy,
  samples,
  on,
  best,
}: Extract<RunEvent, { type: 'validation' }>): string {
  const place = best === undefined ? '' : `, best chapter ${best + 1}`;
  return `chapter ${chapter + 1}: ${percent(accuracy, 1)} of ${count(samples)} ${on} samples right${place}`;
}

/** Whether `task` is a chapter's last one, or its last layer where the classifier comes after it. */
function closesChapter({ layers }: RunSpec, { layer }: TaskRef): boolean {
  return layer === layers.length - 2 || layer === 'network';
}
