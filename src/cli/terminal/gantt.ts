/** `--gantt`: the timeline as text or as an SVG file. */
import { ganttSvg } from '../../report/gantt-svg.js';
import { ganttTerminal } from '../../report/gantt-terminal.js';
import { writeUserFile } from '../../run/user-file.js';
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
  writeUserFile(file, ganttSvg(timeline, options));
  stream.line(`timeline drawn in ${file}`);
}
