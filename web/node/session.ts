/** The tab's part in a run, as the page sees it: its host worker, what that tells, and when it pauses. */
import { toHex } from '../../src/audit/identity.js';
import { decodeError } from '../../src/error-codec.js';
import { PffError } from '../../src/errors.js';
import { graphShape } from '../../src/schedule/shape.js';
import { parseTaskKey } from '../../src/schedule/tasks.js';
import { refOf, type TaskRef } from '../../src/schedule/timeline.js';
import type { SharedRun } from '../../src/page/share/shared-run.js';
import { keySeed, type Choice, type Given } from './choice.js';
import { layerName } from '../names.js';
import { comeIn } from './come-in.js';
import type { HostRequest, TabEvent } from './messages.js';

export type Status = 'joining' | 'working' | 'lost' | 'leaving' | 'paused' | 'left' | 'finished' | 'stopped' | 'failed';

/** What a worker does now. */
export interface Doing {
  readonly task: TaskRef;
  readonly share: number;
}

/** Samples a second are those of so long. */
const RATE_MS = 5000;
const MOST_LINES = 50;

export class TabSession {
  readonly shared: SharedRun;
  readonly choice: Choice;
  readonly #given: Given;
  readonly #tab = toHex(crypto.getRandomValues(new Uint8Array(8)));
  status: Status = 'joining';
  /** Why it is as it is, in a sentence. */
  why = '';
  kernels = '';
  readonly doing = new Map<number, Doing>();
  readonly lines: string[] = [];
  tasks = 0;
  samples = 0;
  received = 0;
  sent = 0;
  /** Of the dataset that is being loaded; undefined once it is there. */
  loading: { readonly bytes: number; readonly of: number } | undefined;
  readonly #recent: { readonly at: number; readonly samples: number }[] = [];
  readonly #worker: Worker;
  readonly #listening = new AbortController();
  #onChange = (): void => {};
  /** The user wants it to work; a pause may be in the way. */
  #wanted = true;
  #isRunning = false;
  #onBattery = false;

  constructor(shared: SharedRun, choice: Choice, given: Given) {
    this.shared = shared;
    this.choice = choice;
    this.#given = given;
    this.#worker = new Worker('node/host-worker.js', { type: 'module', name: 'pff node' });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<TabEvent>) => this.#told(data));
    this.#worker.addEventListener('error', ({ message }) => {
      this.#told({
        type: 'ended',
        end: 'failed',
        error: { name: 'Error', message: message || 'the worker could not be loaded' },
      });
    });
    const { signal } = this.#listening;
    document.addEventListener('visibilitychange', () => this.#consider(), { signal });
    // A browser may end a closed tab's connection without a word; this one it still sends.
    const goodbye = ({ persisted }: PageTransitionEvent): void => {
      if (!persisted && this.#isRunning) navigator.sendBeacon('/leaving', this.#tab);
    };
    window.addEventListener('pagehide', goodbye, { signal });
    void this.#watchBattery();
  }

  /** @param onChange called when something has changed; often */
  follow(onChange: () => void): void {
    this.#onChange = onChange;
  }

  start(): void {
    this.#wanted = true;
    if (!this.#isRunning) this.#set('joining', '');
    this.#consider();
  }

  /** Gives its tasks back. */
  leave(): void {
    this.#wanted = false;
    this.#consider();
  }

  /** Ends its worker; of no use afterwards. */
  close(): void {
    this.#wanted = false;
    this.#listening.abort();
    this.#worker.terminate();
  }

  /** Samples trained in a second, lately. */
  get rate(): number {
    const since = performance.now() - RATE_MS;
    while ((this.#recent[0]?.at ?? Infinity) < since) this.#recent.shift();
    return this.#recent.reduce((sum, { samples }) => sum + samples, 0) / (RATE_MS / 1000);
  }

  get isOver(): boolean {
    return this.status === 'finished' || this.status === 'stopped' || this.status === 'failed';
  }

  /** Why it pauses though the user wants it to work. */
  get #pause(): string {
    if (this.choice.pauseHidden && document.hidden) return 'this tab is in the background';
    if (this.choice.pauseOnBattery && this.#onBattery) return 'the computer runs on battery';
    return '';
  }

  #consider(): void {
    if (this.isOver && this.status !== 'failed') return;
    const pause = this.#pause;
    const works = this.#wanted && pause === '';
    if (works && !this.#isRunning) {
      this.#isRunning = true;
      this.#set('joining', '');
      const { shared, choice } = this;
      const { workers, name, kernels = 'auto' } = choice;
      this.#say({
        type: 'start',
        setting: { tab: this.#tab, shared, workers, kernels, name, seed: keySeed(), ...this.#given },
      });
    } else if (!works && this.#isRunning) {
      this.#set('leaving', this.#wanted ? pause : '');
      this.#say({ type: 'leave' });
    } else if (!works && (this.status === 'joining' || this.status === 'paused'))
      this.#set(this.#wanted ? 'paused' : 'left', this.#wanted ? pause : '');
  }

  #say(request: HostRequest): void {
    this.#worker.postMessage(request);
  }

  #set(status: Status, why: string): void {
    this.status = status;
    this.why = why;
    this.#onChange();
  }

  #told(event: TabEvent): void {
    switch (event.type) {
      case 'data':
        this.loading = event.bytes < event.of ? event : undefined;
        break;
      case 'read':
        this.#note(`Read ${event.samples} samples; they stay in this browser.`);
        break;
      case 'not-kept':
        this.#note(`This browser keeps no copy of the dataset for the next time: ${event.why}`);
        break;
      case 'bytes':
        this.received = event.received;
        this.sent = event.sent;
        break;
      case 'joined':
        this.kernels = event.kernels;
        break;
      case 'link':
        this.#linked(event);
        break;
      case 'said':
        this.#note(
          this.choice.workers > 1 ? `${event.worker + 1}: ${this.#inWords(event.line)}` : this.#inWords(event.line),
        );
        break;
      case 'node':
        this.#worked(event);
        break;
      case 'ended':
        this.#ended(event);
        break;
    }
    this.#onChange();
  }

  #linked({ link, why }: Extract<TabEvent, { type: 'link' }>): void {
    if (this.status === 'leaving') return;
    if (link === 'connected') this.#set('working', '');
    else if (link === 'lost') {
      this.#set('lost', why);
      void this.#askWhy();
    }
  }

  /** Whether the server is away, or is there and wants this browser no more, a socket does not tell. */
  async #askWhy(): Promise<void> {
    const answer = await comeIn();
    if ('shared' in answer || answer.away || this.status !== 'lost') return;
    this.#wanted = false;
    this.#say({ type: 'leave' });
    this.#set('leaving', answer.error);
  }

  #worked({ worker, event }: Extract<TabEvent, { type: 'node' }>): void {
    const { task } = event;
    if (event.type === 'task-finished') {
      this.tasks += 1;
      this.samples += event.stats.samples;
      this.doing.delete(worker);
      return;
    }
    this.doing.set(worker, { task, share: event.batch / event.batches });
    this.#recent.push({ at: performance.now(), samples: event.stats.samples });
  }

  #ended({ end, error }: Extract<TabEvent, { type: 'ended' }>): void {
    this.#isRunning = false;
    this.loading = undefined;
    this.doing.clear();
    this.#recent.length = 0;
    const why = this.status === 'leaving' ? this.why : '';
    if (end === 'left') this.#set(this.#wanted ? 'paused' : 'left', why);
    else if (end === 'failed') {
      this.#wanted = false;
      this.#set('failed', error ? inWords(decodeError(error)) : '');
    } else this.#set(end, '');
    this.#consider();
  }

  /** `done c0.l1` as people count. */
  #inWords(line: string): string {
    const [, what, key] = /^(done|checked) (c\d+\.\w+)$/.exec(line) ?? [];
    if (what === undefined || key === undefined) return line;
    const { chapter, layer } = refOf(graphShape(this.shared.record.spec), parseTaskKey(key));
    return `chapter ${chapter + 1}, ${layerName(layer)}: ${what}`;
  }

  #note(line: string): void {
    this.lines.push(line);
    if (this.lines.length > MOST_LINES) this.lines.shift();
  }

  async #watchBattery(): Promise<void> {
    const battery = await (navigator as { getBattery?: () => Promise<Battery> }).getBattery?.().catch(() => undefined);
    if (!battery) return;
    const look = (): void => {
      this.#onBattery = !battery.charging;
      this.#consider();
    };
    battery.addEventListener('chargingchange', look, { signal: this.#listening.signal });
    look();
  }
}

interface Battery extends EventTarget {
  readonly charging: boolean;
}

function inWords(error: Error): string {
  return error instanceof PffError && error.hint !== undefined ? `${error.message}. ${error.hint}` : error.message;
}
