/** `--gantt`: the timeline as text or as an SVG file. */
import { writeFileSync } from 'node:fs';
import { messageOf, PffError } from '../../errors.js';
import { ganttSvg } from '../../report/gantt-svg.js';
import { ganttTerminal } from '../../report/gantt-terminal.js';
import type { Timeline } from '../../schedule/timeline.js';
import type { TextStream } from './output.js';

/** `file` is empty for text on `stream`. @throws PffError `files` */
export function drawGantt(
  file: string,
  timeline: Timeline,
  { title, bound }: { readonly title: string; readonly bound?: number },
  stream: TextStream,
): void {
  const options = { title, ...(bound === undefined ? {} : { bound }) };
  if (file === '') {
    const width = Math.min(stream.columns, 160);
    stream.line();
    stream.write(ganttTerminal(timeline, { ...options, width, color: stream.paint.isColorSupported }));
    return;
  }
  try {
    writeFileSync(file, ganttSvg(timeline, options));
  } catch (error) {
    throw new PffError('files', `cannot write ${file}: ${messageOf(error)}`, {
      hint: 'Name another file after --gantt.',
      cause: error,
    });
  }
  stream.line(`timeline drawn in ${file}`);
}
