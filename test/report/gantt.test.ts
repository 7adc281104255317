/** The Gantt charts show what the timeline says, fit where they are put, and cannot be used to smuggle anything. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { figure, percent, seconds, ticks } from '../../src/report/gantt-axis.js';
import { harmless } from '../../src/report/harmless.js';
import { boxesOf, layersOf, taskName } from '../../src/report/gantt-boxes.js';
import { ganttSvg } from '../../src/report/gantt-svg.js';
import { ganttTerminal, visibleLength } from '../../src/report/gantt-terminal.js';
import { equalCosts } from '../../src/simulate/costs.js';
import type { GraphShape } from '../../src/schedule/shape.js';
import { simulate } from '../../src/simulate/simulate.js';
import type { Span, Timeline } from '../../src/schedule/timeline.js';

const shape: GraphShape = { layers: 2, head: true, splits: 4, predictedLabels: 'all-layers', labelLag: 2 };
const costs = { ...equalCosts(shape, 4), pass: [1, 1], labels: 2, stateBytes: [80, 80, 8], labelBytes: 4 };
const { timeline } = simulate({ shape, variant: 'all-layers', nodes: 3, costs, network: { bandwidth: 100 } });

/** Two nodes of two equal layers: the second starts one slot later and has nothing to do after two chapters. */
const simple: Timeline = simulate({
  shape: { ...shape, head: false, splits: 3, predictedLabels: 'none' },
  variant: 'all-layers',
  nodes: 3,
  costs: { ...equalCosts(shape, 10), head: 0, stateBytes: [0, 0] },
}).timeline;

describe('ganttTerminal', () => {
  it('draws boxes with chapters and layers, waits as dots, and nothing after the last task', () => {
    // 40 s on 40 columns: one column a second.
    const lines = ganttTerminal(simple, { width: 40 + 'node 3 '.length + ' 100.0 %'.length, bound: 40 }).split('\n');
    expect(lines.slice(0, 9)).toEqual([
      `node 1 ▏1${' '.repeat(38)}  50.0 %`,
      `       ${'1'.repeat(10)}${'2'.repeat(10)}`,
      `node 2 ${'·'.repeat(10)}▏2${' '.repeat(28)}  50.0 %`,
      `       ${'·'.repeat(10)}${'1'.repeat(10)}${'2'.repeat(10)}`,
      `node 3 ${'·'.repeat(20)}▏3${' '.repeat(18)}  50.0 %`,
      `       ${'·'.repeat(20)}${'1'.repeat(10)}${'2'.repeat(10)}`,
      `       ${'┬─────────'.repeat(3)}┬────────┬ s`,
      '       0         10        20        30       40',
      `${' '.repeat(35)}bound 40 s ▲`,
    ]);
    expect(lines[9]).toBe('1 layer 1   2 layer 2   ▏1 chapter 1   · waits');
    expect(lines[10]).toBe('40 s on 3 nodes   50.0 % busy');
    expect(lines[11]).toBe('bound 40 s (100 % of it reached)');
  });

  it('fits any width from 40 on, with or without colour', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.boolean(),
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        fc.string({ unit: 'grapheme' }),
        (width, color, bound, title) => {
          for (const part of [{}, { from: 5, to: 9 }, { from: 7, to: 7 }]) {
            const text = ganttTerminal(timeline, { width, color, bound, title, ...part });
            for (const line of text.split('\n')) expect(visibleLength(line)).toBeLessThanOrEqual(Math.max(40, width));
          }
        },
      ),
    );
  });

  it('colours by layer only when asked, and always switches colour off again', () => {
    expect(ganttTerminal(timeline, { width: 100 })).not.toContain('\u001B');
    const colored = ganttTerminal(timeline, { width: 100, color: true });
    expect(colored.split('\n').filter((line) => line.startsWith('node'))).toHaveLength(3);
    for (const line of colored.split('\n').filter((text) => text.includes('\u001B')))
      expect(line.lastIndexOf('\u001B[0m')).toBe(line.lastIndexOf('\u001B'));
    expect(colored).toContain('48;5;74m');
    expect(colored).toContain('48;5;214m');
  });

  it('shows a part of the run', () => {
    const part = ganttTerminal(simple, { width: 60, from: 20, to: 30 });
    expect(part.split('\n')[1]).toBe('');
    expect(part.split('\n')[3]?.trim()).toMatch(/^2+$/);
    expect(part.split('\n')[5]?.trim()).toMatch(/^1+$/);
  });

  it('names layers in a legend and says how close to the bound the run came', () => {
    const text = ganttTerminal(timeline, { width: 120, bound: 30, title: 'All-Layers' });
    expect(text.split('\n')[0]).toBe('All-Layers');
    expect(text).toContain('1 layer 1   2 layer 2   H head   N negative labels');
    expect(text).toMatch(/bound 30 s \(\d+(\.\d)? % of it reached\)/);
    // A real run may beat a bound that was calibrated at another time.
    expect(ganttTerminal(timeline, { width: 120, bound: 1000 })).not.toContain('of it reached');
  });

  it('lets no control character through', () => {
    const text = ganttTerminal(simple, { width: 80, title: 'evil\u001B[2J\u0007\r\ntitle\u202E' });
    expect(text.split('\n')[0]).toBe('evil?[2J???title?');
  });

  it('draws an empty timeline and nodes without work', () => {
    expect(ganttTerminal({ nodes: 2, spans: [] }, { width: 60 })).toContain('0 s on 2 nodes   0 % busy');
    expect(ganttTerminal({ ...simple, nodes: 4 }, { width: 60 })).toMatch(/node 4 {51}0 %/);
  });
});

describe('ganttSvg', () => {
  const svg = ganttSvg(timeline, { title: 'All-Layers PFF', bound: 31.5 });
  const count = (text: string, part: RegExp) => text.match(part)?.length ?? 0;

  it('has a box for each task, with its chapter, and says in a tooltip what it is', () => {
    const boxes = boxesOf(timeline);
    expect(count(svg, /<g><rect class="box"/g)).toBe(boxes.length);
    for (const { task, node } of boxes) expect(svg).toContain(`<title>${taskName(task)} on node ${node + 1}, `);
    expect(count(svg, /class="chapter"[^>]*>4</g)).toBeGreaterThan(0);
  });

  it('shows waits, passes, transfers, a row for each node, an axis in seconds and the bound', () => {
    for (const part of [
      'class="wait"',
      'class="pass"',
      'class="fetch"',
      'class="publish"',
      '>node 3</text>',
      '>0 s</text>',
      '>bound 31.5 s</text>',
    ])
      expect(svg).toContain(part);
    expect(svg).toMatch(/<title>node 2 waits for chapter 1, layer 1, 0 s – /);
    for (const text of ['layer 1', 'layer 2', 'head', 'negative labels', 'waits'])
      expect(svg).toContain(`>${text}</text>`);
    expect(ganttSvg(timeline)).not.toContain('>bound');
  });

  it('stands alone, names its contents, and knows light and dark pages', () => {
    expect(svg.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|<script|<image|@import|href/);
    expect(svg).toContain('role="img" aria-labelledby="gantt-title gantt-summary"');
    expect(svg).toContain('<title id="gantt-title">All-Layers PFF</title>');
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  it('keeps every shape inside the drawing and no number broken', () => {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)?.map(Number) ?? [];
    for (const [, x, y, w, h] of svg.matchAll(/ x="([\d.]+)" y="([\d.]+)" width="([-\d.]+)" height="([\d.]+)"/g)) {
      expect(Number(w)).toBeGreaterThanOrEqual(0);
      expect(Number(x) + Number(w)).toBeLessThanOrEqual(width ?? 0);
      expect(Number(y) + Number(h)).toBeLessThanOrEqual(height ?? 0);
    }
  });

  it('escapes whatever the title says', () => {
    const text = ganttSvg(simple, { title: '</title><script>alert("1")</script> & \'x\'\u0000' });
    expect(text).not.toContain('<script');
    expect(text).toContain('&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;?');
    const tags = [...text.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)];
    const open: string[] = [];
    for (const [, closing, name, self] of tags) {
      if (closing === '/') expect(open.pop()).toBe(name);
      else if (self !== '/') open.push(name ?? '');
    }
    expect(open).toEqual([]);
  });

  it('draws an empty timeline, and leaves tooltips out of a very large one', () => {
    expect(ganttSvg({ nodes: 1, spans: [] })).toContain('0 s on 1 node');
    const spans = Array.from({ length: 5000 }, (_, i): Span => ({
      node: 0,
      task: { chapter: i, layer: 0 },
      phase: 'train',
      start: i,
      end: i + 1,
      bytes: 0,
    }));
    expect(ganttSvg({ nodes: 1, spans })).not.toContain('on node 1,');
  });
});

describe('boxesOf', () => {
  const span = (chapter: number, layer: number, phase: Span['phase'], start: number, end: number): Span => ({
    node: 0,
    task: { chapter, layer },
    phase,
    start,
    end,
    bytes: 0,
  });

  it('joins the steps of a task unless it waited between them', () => {
    const boxes = boxesOf({
      nodes: 1,
      spans: [
        span(0, 1, 'pass', 0, 1),
        span(0, 1, 'train', 1.0001, 3),
        span(1, 1, 'pass', 3, 4),
        span(1, 1, 'wait', 4, 6),
        span(1, 1, 'train', 6, 8),
      ],
    });
    expect(boxes.map(({ start, end, parts }) => [start, end, parts.length])).toEqual([
      [0, 3, 2],
      [3, 4, 1],
      [6, 8, 1],
    ]);
  });

  it('knows layers in order, and names them from 1 on', () => {
    expect(layersOf(timeline)).toEqual([0, 1, 'head', 'labels']);
    expect(taskName({ chapter: 0, layer: 'head' })).toBe('chapter 1, head');
    expect(taskName({ chapter: 2, layer: 1 })).toBe('chapter 3, layer 2');
    expect(taskName({ chapter: 2, layer: 'labels' })).toBe('chapter 3, negative labels');
  });
});

describe('axis', () => {
  it('has round ticks, no more than asked for, inside the range', () => {
    expect(ticks(0, 40, 5)).toEqual([0, 10, 20, 30, 40]);
    expect(ticks(0, 0.35, 4)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(3, 3, 4)).toEqual([3]);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e5, noNaN: true }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 30 }),
        (from, span, most) => {
          const found = ticks(from, from + span, most);
          expect(found.length).toBeLessThanOrEqual(most);
          for (const tick of found) expect(tick).toBeGreaterThanOrEqual(from - 1e-6 * (from + span));
        },
      ),
    );
  });

  it('writes figures short', () => {
    expect([0, 0.01234, 3.14159, 99.95, 1234.5].map(figure)).toEqual(['0', '0.0123', '3.14', '100', '1235']);
    expect(seconds(2)).toBe('2 s');
    expect([0, 0.5, 0.123, 1].map(percent)).toEqual(['0 %', '50.0 %', '12.3 %', '100 %']);
    expect(harmless('a\u0000b\nc')).toBe('a?b?c');
  });
});
