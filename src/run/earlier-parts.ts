/** How long a run that was gone on with was trained before its last part, by its event log. */
import path from 'node:path';
import { EVENTS_FILE } from './folder.js';
import { eachLine, parseEvent } from './log-lines.js';

/** Seconds of wall clock of all parts but the last, each from its first task's start to the last one's end; 0 without a log. */
export function earlierSeconds(folder: string): number {
  let sum = 0;
  let [begun, ended] = [Infinity, 0];
  try {
    eachLine(path.join(folder, EVENTS_FILE), 0, (line) => {
      const event = parseEvent(line);
      if (event?.type === 'started') {
        sum += Math.max(0, ended - begun);
        [begun, ended] = [Infinity, 0];
      }
      if (event?.type !== 'task-finished') return;
      for (const { start, end } of event.spans) {
        begun = Math.min(begun, start);
        ended = Math.max(ended, end);
      }
    });
  } catch {
    // A log that cannot be written was told of already; the result is the same without.
    return 0;
  }
  return sum;
}
