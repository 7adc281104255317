/** Draws the pipeline on a canvas: only what is visible, and no more than one box for each pixel. */
import { duration } from '../../src/report/units.js';
import { isComputing, type Span } from '../../src/schedule/timeline.js';
import type { Mark } from '../../src/page/run-view.js';
import { layerColour } from '../names.js';
import { themeColour } from '../dom.js';

export const AXIS = 26;
export const TOP = 20;

export interface Frame {
  /** CSS pixels of the whole drawing, of the column with the nodes' names, and of a node's row. */
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly row: number;
  /** Seconds at the left and right edge. */
  readonly from: number;
  readonly to: number;
}

export interface Drawing {
  /** By node, in order of their starts. */
  readonly rows: readonly (readonly Span[])[];
  readonly marks: readonly Mark[];
  readonly bound: number | undefined;
  /** What times are counted from. */
  readonly begun: number;
  readonly end: number | undefined;
  readonly selected: Span | undefined;
}

export function timeOf(frame: Frame, x: number): number {
  return frame.from + ((x - frame.left) / (frame.width - frame.left)) * (frame.to - frame.from);
}

export function placeOf(frame: Frame, seconds: number): number {
  return frame.left + ((seconds - frame.from) / (frame.to - frame.from)) * (frame.width - frame.left);
}

export function drawGantt(context: CanvasRenderingContext2D, frame: Frame, drawing: Drawing): void {
  const { width, height, left } = frame;
  const [ink, faint, line, surface] = ['ink', 'faint', 'line', 'surface'].map(themeColour) as [
    string,
    string,
    string,
    string,
  ];
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, sans-serif';
  axis(context, frame, line, faint);
  context.save();
  context.beginPath();
  context.rect(left, 0, width - left, height);
  context.clip();
  drawing.rows.forEach((spans, node) => row(context, frame, spans, TOP + node * frame.row, surface, faint));
  if (drawing.selected) outline(context, frame, drawing.selected, ink);
  const lines: Upright[] = [];
  if (drawing.end !== undefined) lines.push({ seconds: drawing.end, name: 'measured', colour: ink, dash: [] });
  if (drawing.bound !== undefined)
    lines.push({ seconds: drawing.bound, name: 'bound', colour: themeColour('accent'), dash: [4, 3] });
  uprights(context, frame, lines, surface, drawing.begun);
  for (const mark of drawing.marks) flag(context, frame, mark);
  context.restore();
  context.fillStyle = ink;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const short = left < 50;
  for (let node = 0; node < drawing.rows.length; node++)
    context.fillText(short ? String(node + 1) : `node ${node + 1}`, 0, TOP + node * frame.row + frame.row / 2 - 2);
}

/** Computing above, transfers as a thin strip below. */
function row(
  context: CanvasRenderingContext2D,
  frame: Frame,
  spans: readonly Span[],
  y: number,
  surface: string,
  faint: string,
): void {
  const strip = frame.row >= 18 ? 3 : 2;
  const tall = frame.row - strip - 4;
  let [lastBox, lastStrip] = [-Infinity, -Infinity];
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  for (const { task, phase, start, end } of spans) {
    if (end < frame.from || start > frame.to) continue;
    const x = placeOf(frame, start);
    const right = placeOf(frame, end);
    const transfer = phase === 'fetch' || phase === 'publish';
    // What ends within a pixel that is already painted adds nothing to be seen.
    if (right < (transfer ? lastStrip : lastBox) + 0.7) continue;
    const wide = Math.max(0.7, right - x);
    if (transfer) {
      lastStrip = x + wide;
      context.fillStyle = faint;
      context.fillRect(x, y + tall + 1, wide, strip);
      continue;
    }
    lastBox = x + wide;
    if (phase === 'wait') {
      context.fillStyle = faint;
      context.globalAlpha = 0.22;
      context.fillRect(x, y + tall / 2 - 1.5, wide, 3);
      context.globalAlpha = 1;
      continue;
    }
    context.fillStyle = layerColour(task.layer);
    context.globalAlpha = phase === 'pass' ? 0.45 : 1;
    context.fillRect(x, y, wide, tall);
    context.globalAlpha = 1;
    if (wide > 3 && isComputing(phase)) {
      context.fillStyle = surface;
      context.fillRect(x + wide - 0.5, y, 0.5, tall);
    }
    if (wide > 30 && tall >= 11 && phase === 'train') {
      context.fillStyle = '#1a1a1a';
      context.fillText(String(task.chapter + 1), x + 4, y + tall / 2 + 0.5);
    }
  }
}

function outline(context: CanvasRenderingContext2D, frame: Frame, { node, start, end }: Span, ink: string): void {
  const x = placeOf(frame, start);
  context.strokeStyle = ink;
  context.lineWidth = 2;
  context.strokeRect(x - 1, TOP + node * frame.row - 1, Math.max(2, placeOf(frame, end) - x) + 2, frame.row - 2);
}

interface Upright {
  readonly seconds: number;
  readonly name: string;
  readonly colour: string;
  readonly dash: number[];
}

/** Lines at moments, with their names above, from right to left, so that two near each other stand side by side. */
function uprights(
  context: CanvasRenderingContext2D,
  frame: Frame,
  lines: readonly Upright[],
  surface: string,
  begun: number,
): void {
  context.lineWidth = 1.5;
  for (const { seconds, colour, dash } of lines) {
    const x = placeOf(frame, seconds);
    context.strokeStyle = colour;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x, 1);
    context.lineTo(x, frame.height - AXIS);
    context.stroke();
  }
  context.setLineDash([]);
  context.textAlign = 'right';
  context.textBaseline = 'top';
  let room = Infinity;
  for (const { seconds, name, colour } of lines) {
    const text = `${name} ${duration(seconds - begun)}`;
    const width = context.measureText(text).width;
    const right = Math.min(placeOf(frame, seconds) - 5, room - 12);
    context.fillStyle = surface;
    context.fillRect(right - width - 2, 0, width + 4, 14);
    context.fillStyle = colour;
    context.fillText(text, right, 1);
    room = right - width;
  }
}

/** A triangle above the row of the node that it concerns, or above all. */
function flag(context: CanvasRenderingContext2D, frame: Frame, { at, node, kind }: Mark): void {
  const x = placeOf(frame, at);
  const y = node === undefined ? TOP - 3 : TOP + node * frame.row;
  context.fillStyle = themeColour(kind === 'fault' ? 'bad' : kind === 'resumed' ? 'accent' : 'faint');
  context.beginPath();
  context.moveTo(x - 5, y - 9);
  context.lineTo(x + 5, y - 9);
  context.lineTo(x, y + 1);
  context.fill();
  if (kind === 'fault') context.fillRect(x - 0.75, y, 1.5, frame.row - 4);
}

function axis(context: CanvasRenderingContext2D, frame: Frame, line: string, faint: string): void {
  const { width, height, left, from, to } = frame;
  const step = niceStep((to - from) / Math.max(2, Math.floor((width - left) / 90)));
  context.textBaseline = 'top';
  context.textAlign = 'center';
  context.lineWidth = 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) {
    const x = placeOf(frame, tick);
    context.strokeStyle = line;
    context.beginPath();
    context.moveTo(x, TOP - 4);
    context.lineTo(x, height - AXIS + 4);
    context.stroke();
    if (x > width - 30) continue;
    context.fillStyle = faint;
    context.fillText(`${tick.toFixed(digits)} s`, Math.max(x, left + 10), height - AXIS + 8);
  }
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least || 1));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10);
}
