/**
 * Sums of a finished task's line in the event log, read from its bytes as this version writes it: several times as fast as reading the
 * line whole, which counts where a log has a million of them. A line that looks otherwise is left to the reader of whole lines.
 */
import { isComputing, type Phase, type Span } from '../schedule/timeline.js';
import { MOST_NODES } from '../run/log-lines.js';
import { emptySums, type NodeSums } from './page-event.js';

const HEAD = Buffer.from('{"type":"task-finished","node":');
const TASK = Buffer.from(',"task":{"chapter":');
const SAMPLES = Buffer.from('"stats":{"samples":');
const PHASE = Buffer.from('"phase":"');
const START = Buffer.from('","start":');
const END = Buffer.from(',"end":');
const BYTES = Buffer.from(',"bytes":');
const [MINUS, DOT, ZERO, NINE, SMALL_E] = [45, 46, 48, 57, 101];
/** By their first letters, and `p` by its second. */
const PHASES = new Map<number, Phase>(
  (['wait', 'fetch', 'train', 'labels'] as const).map((phase) => [phase.charCodeAt(0), phase]),
);
const P_PHASES = new Map<number, Phase>((['pass', 'publish'] as const).map((phase) => [phase.charCodeAt(1), phase]));

/** Adds what `span` took to the sums of its node. */
export function addSpan(sums: NodeSums, { phase, start, end, bytes }: Pick<Span, 'phase' | 'start' | 'end' | 'bytes'>) {
  const length = end - start;
  if (isComputing(phase)) sums.busy += length;
  else if (phase === 'wait') sums.waiting += length;
  else if (phase === 'fetch') sums.fetching += length;
  else sums.publishing += length;
  if (phase === 'fetch') sums.bytesIn += bytes;
  if (phase === 'publish') sums.bytesOut += bytes;
  sums.end = Math.max(sums.end, end);
}

/** Reads one line after the other. */
export class TaskLineReader {
  #bytes: Buffer = HEAD;
  #at = 0;
  #node = 0;

  /** The chapter of the task that is told finished in the line that begins at `start`; undefined for any other line. */
  chapterAt(bytes: Buffer, start: number): number | undefined {
    this.#bytes = bytes;
    this.#at = start;
    if (!this.#take(HEAD)) return undefined;
    this.#node = this.#number();
    if (!this.#take(TASK)) return undefined;
    const chapter = this.#number();
    return Number.isInteger(chapter) && this.#node < MOST_NODES ? chapter : undefined;
  }

  /** Node and sums of the line that `chapterAt` was asked for, which ends at `end`; undefined where it is not as expected. */
  sums(end: number): NodeSums | undefined {
    const sums = emptySums(this.#node);
    sums.tasks = 1;
    if (!this.#seek(SAMPLES, end)) return undefined;
    sums.samples = this.#number();
    while (this.#seek(PHASE, end)) {
      const phase = this.#phase();
      const from = this.#take(START) ? this.#number() : Number.NaN;
      const to = this.#take(END) ? this.#number() : Number.NaN;
      const moved = this.#take(BYTES) ? this.#number() : Number.NaN;
      // As for whole lines, what is no phase, time or amount makes it none. NaN is none of these.
      if (phase === undefined || !(from >= 0 && to >= 0 && moved >= 0)) return undefined;
      addSpan(sums, { phase, start: from, end: to, bytes: moved });
    }
    return sums.samples >= 0 ? sums : undefined;
  }

  /** Steps over `text` if it stands here. */
  #take(text: Buffer): boolean {
    const [bytes, at] = [this.#bytes, this.#at];
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
    this.#at = at + text.length;
    return true;
  }

  /** Goes behind the next `text` before `end`. By hand: these are near, so that a call of `indexOf` takes longer than they do. */
  #seek(text: Buffer, end: number): boolean {
    const bytes = this.#bytes;
    const [first, second, third] = [text[0], text[1], text[2]];
    for (let at = this.#at; at < end; at++) {
      if (bytes[at] !== first || bytes[at + 1] !== second || bytes[at + 2] !== third) continue;
      this.#at = at;
      if (this.#take(text)) return true;
    }
    return false;
  }

  #phase(): Phase | undefined {
    const [first, second] = [this.#bytes[this.#at] as number, this.#bytes[this.#at + 1] as number];
    const phase = PHASES.get(first) ?? P_PHASES.get(second);
    this.#at += phase?.length ?? 0;
    return phase;
  }

  /** A number of JSON without an exponent, to about 15 digits; NaN where there is none. */
  #number(): number {
    const bytes = this.#bytes;
    const begin = this.#at;
    let at = begin;
    let value = 0;
    let scale = 0;
    for (; ; at++) {
      const byte = bytes[at] as number;
      if (byte >= ZERO && byte <= NINE) {
        value = value * 10 + (byte - ZERO);
        scale *= 10;
      } else if (byte === DOT && scale === 0) scale = 1;
      else {
        this.#at = at;
        if (at === begin || byte === SMALL_E || byte === MINUS || byte === DOT) return Number.NaN;
        return scale > 0 ? value / scale : value;
      }
    }
  }
}
