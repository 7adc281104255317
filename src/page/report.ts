/** Writes runs as one HTML file that opens from disk, without a server or network. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { EVENTS_FILE } from '../run/folder.js';
import { checkUserFile, writeUserFile } from '../run/user-file.js';
import { pageFiles, reportDocument } from './document.js';
import { lookAtRun } from './look-at-run.js';
import type { PageEvent } from './page-event.js';
import { RunFeed } from './run-feed.js';
import { lastChapter, shownLook } from './run-view.js';

/** What a report says of its runs. */
export interface ReportOptions {
  /** Analyse networks whose log has no analysis of them. Default true. */
  readonly analyse?: boolean | undefined;
  /** Where the runs' datasets lie, for the analysis. */
  readonly dataDir?: string | undefined;
  /** Told what the report lacks, and why. */
  readonly onRemark?: ((text: string) => void) | undefined;
}

const MOST_RUNS = 8;

/** Writes the report of one run folder, or of two to eight side by side, to `file`. Returns its size in bytes. @throws PffError */
export async function writeReport(
  folders: readonly string[],
  file: string,
  options: ReportOptions = {},
): Promise<number> {
  checkOptions('writeReport', options, { analyse: true, dataDir: true, onRemark: true });
  if (folders.length === 0 || folders.length > MOST_RUNS)
    throw new PffError('usage', `a report is of one to ${MOST_RUNS} runs, but was asked for ${folders.length}`);
  checkUserFile(file);
  const files = pageFiles();
  const runs: PageEvent[][] = [];
  const names = new Map<string, number>();
  for (const folder of folders) {
    const events = await eventsOf(folder, options);
    // A report does not say where runs lie: of two folders of the same name the second one has a number.
    const name = path.basename(path.resolve(folder));
    const same = (names.get(name) ?? 0) + 1;
    names.set(name, same);
    const shown = same === 1 ? name : `${name} (${same})`;
    runs.push(events.map((event) => (event.type === 'started' ? { ...event, name: shown } : event)));
  }
  const html = Buffer.from(reportDocument(files, runs));
  writeUserFile(file, html);
  return html.length;
}

async function eventsOf(folder: string, options: ReportOptions): Promise<PageEvent[]> {
  const log = path.join(folder, EVENTS_FILE);
  if (!existsSync(folder) || !statSync(folder).isDirectory() || !existsSync(log))
    throw new PffError('files', `${folder} is no run folder: it has no ${EVENTS_FILE}`, {
      hint: 'Give the folder that pff train made.',
    });
  const feed = new RunFeed(folder);
  const { view } = feed;
  if (!view.started)
    throw new PffError('files', `${log} tells of no run`, { hint: 'Give the folder that pff train made.' });
  const analysed = shownLook(view)?.chapter === lastChapter(view);
  if (view.status === 'finished' && !analysed && (options.analyse ?? true)) {
    const look = await lookAtRun(folder, view, options.dataDir);
    if (look.type === 'remark') options.onRemark?.(`${folder}: ${look.text}`);
    feed.add([look]);
  }
  return feed.snapshot();
}
