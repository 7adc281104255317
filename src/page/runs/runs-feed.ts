/** The runs of a folder for the page: each is read once, and again only when a file of it has changed. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../../errors.js';
import { EVENTS_FILE, RESULT_FILE, SPEC_FILE } from '../../run/folder.js';
import { localRun, localRunFolders, type LocalRun } from '../../run/list-runs.js';
import { TAGS_FILE } from '../../run/tags.js';
import { allTrainSeconds } from '../../run/result.js';
import { fieldText, specFields, type SpecField } from '../../spec/spec.js';
import { RunFeed } from '../run-feed.js';
import { lastChapter, type RunView } from '../run-view.js';
import type { CurvePoint, RunsSummary, RunSummary } from './run-summary.js';

/** Runs whose pages are kept for readers; the one that was opened longest ago goes first. */
const MOST_OPEN = 8;
/** Runs under way that are kept as far as they were read: their logs may be long, and grow at each look. */
const MOST_UNDER_WAY = 8;

export class RunsFeed {
  readonly folder: string;
  readonly name: string;
  /** By id: what it was read from, and what came of it. */
  readonly #known = new Map<string, { readonly state: string; readonly summary: RunSummary | undefined }>();
  readonly #open = new Map<string, RunFeed>();
  /** By name. */
  readonly #underWay = new Map<string, RunFeed>();

  constructor(folder: string) {
    this.folder = path.resolve(folder);
    this.name = path.basename(this.folder);
  }

  summary(): RunsSummary {
    const runs = localRunFolders(this.folder).flatMap((name) => this.#summaryOf(name) ?? []);
    return { folder: this.name, runs };
  }

  /** The events of one run, for its own page; undefined for what is no run of the folder. */
  open(id: string): RunFeed | undefined {
    const found = this.#open.get(id);
    if (found) return found;
    // Only what was listed: an id comes from an address.
    const name = localRunFolders(this.folder).find((each) => idOf(each) === id);
    if (name === undefined) return undefined;
    const [oldest] = this.#open.keys();
    if (this.#open.size >= MOST_OPEN && oldest !== undefined) {
      this.#open.get(oldest)?.end();
      this.#open.delete(oldest);
    }
    const feed = new RunFeed(path.join(this.folder, name));
    this.#open.set(id, feed);
    return feed;
  }

  /** Reads what the logs of opened runs have got since. */
  poll(): void {
    for (const feed of this.#open.values())
      try {
        feed.poll();
      } catch {
        // A log that cannot be read now may be later; the others are read meanwhile.
      }
  }

  end(): void {
    for (const feed of this.#open.values()) feed.end();
  }

  #summaryOf(name: string): RunSummary | undefined {
    const folder = path.join(this.folder, name);
    const state = stateOf(folder);
    const known = this.#known.get(name);
    if (known?.state === state) return known.summary;
    let summary: RunSummary | undefined;
    try {
      summary = summaryOf(localRun(folder, name), this.#viewOf(name, folder));
    } catch (error) {
      // One folder that cannot be read, for whatever reason, must not keep the others from being shown. The system's reasons pass.
      if (!(error instanceof PffError)) return undefined;
    }
    this.#known.set(name, { state, summary });
    return summary;
  }

  /** A run's log as it is now; of a run under way only what came since the last look is read. */
  #viewOf(name: string, folder: string): RunView {
    const kept = this.#open.get(idOf(name)) ?? this.#underWay.get(name);
    kept?.poll();
    const feed = kept ?? new RunFeed(folder);
    this.#underWay.delete(name);
    const { status } = feed.view;
    if (status === 'training' || status === 'evaluating') {
      const [first] = this.#underWay.keys();
      if (this.#underWay.size >= MOST_UNDER_WAY && first !== undefined) this.#underWay.delete(first);
      this.#underWay.set(name, feed);
    }
    return feed.view;
  }
}

/** Times and sizes of its files: as long as they are the same, so is the run. */
function stateOf(folder: string): string {
  return [SPEC_FILE, EVENTS_FILE, RESULT_FILE, TAGS_FILE]
    .map((file) => {
      const found = statSync(path.join(folder, file), { throwIfNoEntry: false });
      return found ? `${found.mtimeMs}/${found.size}` : '';
    })
    .join();
}

function idOf(name: string): string {
  return name.split(path.sep).join('/');
}

function summaryOf({ name, changed, tags, note, spec, result }: LocalRun, view: RunView): RunSummary {
  const fields = Object.fromEntries(
    (Object.keys(specFields) as SpecField[]).map((field) => [field, fieldText(field, spec)]),
  );
  const accuracies = view.validations.map(({ chapter, at, accuracy }) => ({
    chapter: chapter + 1,
    seconds: at,
    value: accuracy,
  }));
  const end = { chapter: lastChapter(view) + 1, seconds: view.now, value: result?.testAccuracy ?? Number.NaN };
  return {
    id: idOf(name),
    state: view.status,
    changed,
    tags,
    note,
    dataset: result?.dataset ?? view.started?.dataset.name ?? spec.dataset,
    fields,
    accuracy: result?.testAccuracy,
    measuredOn: result?.evaluatedOn,
    trainSeconds: result && allTrainSeconds(result),
    modelDigest: result?.modelDigest,
    accuracies: accuracies.length > 0 || !result ? accuracies : [end],
    losses: lossesOf(view),
  };
}

function lossesOf({ trained }: RunView): CurvePoint[] {
  const byChapter = new Map<number, Map<string, { readonly loss: number; readonly end: number }>>();
  for (const { task, loss, end } of trained) {
    if (task.layer === 'head') continue;
    const layers = byChapter.get(task.chapter) ?? new Map<string, { loss: number; end: number }>();
    // A task that was done twice counts once.
    layers.set(String(task.layer), { loss, end });
    byChapter.set(task.chapter, layers);
  }
  const most = Math.max(0, ...[...byChapter.values()].map(({ size }) => size));
  return [...byChapter]
    .filter(([, layers]) => layers.size === most)
    .toSorted(([a], [b]) => a - b)
    .map(([chapter, layers]) => {
      const all = [...layers.values()];
      return {
        chapter: chapter + 1,
        seconds: all.reduce((last, { end }) => Math.max(last, end), 0),
        value: all.reduce((sum, { loss }) => sum + loss, 0) / all.length,
      };
    });
}
