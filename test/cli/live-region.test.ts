/** Lines that are drawn over each other: what reaches the terminal. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LiveRegion } from '../../src/cli/terminal/live-region.js';
import type { TextStream } from '../../src/cli/terminal/output.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A terminal of 20 columns that only remembers. */
function terminal(rows = 24): { readonly stream: TextStream; readonly written: string[] } {
  const written: string[] = [];
  const stream = { columns: 20, rows, write: (text: string) => written.push(text) };
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

it('keeps to the height of the terminal, so that nothing is pushed into the scroll-back', () => {
  const { stream, written } = terminal(10);
  const region = new LiveRegion(stream);
  const frame = Array.from({ length: 13 }, (_, i) => `node ${i}`);
  for (let i = 0; i < 3; i++) {
    region.draw(() => frame);
    vi.advanceTimersByTime(100);
  }
  for (const text of written) expect(text.split('\n').length - 1).toBe(9);
  expect(written[1]?.startsWith('\r\u001B[9A')).toBe(true);
  expect(written[0]).toContain('node 7\n\u001B[2K… and 5 more lines\n');
});

it('goes back over lines that wrap since the terminal became narrower', () => {
  const { stream, written } = terminal(24);
  const region = new LiveRegion(stream);
  region.draw(() => ['x'.repeat(19), 'y']);
  (stream as unknown as { columns: number }).columns = 10;
  region.clear();
  expect(written.at(-1)).toBe('\r\u001B[3A\u001B[J');
});
