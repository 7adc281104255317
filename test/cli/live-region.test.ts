/** Lines that are drawn over each other: what reaches the terminal. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LiveRegion } from '../../src/cli/terminal/live-region.js';
import type { TextStream } from '../../src/cli/terminal/output.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A terminal of 20 columns that only remembers. */
function terminal(): { readonly stream: TextStream; readonly written: string[] } {
  const written: string[] = [];
  const stream = { columns: 20, write: (text: string) => written.push(text) };
  return { stream: stream as unknown as TextStream, written };
}

it('draws at most ten times a second, each frame over the last one', () => {
  const { stream, written } = terminal();
  const region = new LiveRegion(stream);
  for (let ms = 0; ms < 1000; ms += 10) {
    region.draw(() => ['one', 'two']);
    vi.advanceTimersByTime(10);
  }
  expect(written).toHaveLength(10);
  expect(written[0]).not.toContain('\u001B[2A');
  expect(written[1]?.startsWith('\r\u001B[2A')).toBe(true);
  region.clear();
  expect(written.at(-1)).toBe('\r\u001B[2A\u001B[J');
  region.clear();
  expect(written).toHaveLength(11);
});

it('cuts lines that would wrap', () => {
  const { stream, written } = terminal();
  new LiveRegion(stream).draw(() => ['x'.repeat(50)]);
  expect(written.join('')).toContain(`${'x'.repeat(18)}…\n`);
});
