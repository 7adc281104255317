/** The columns of a table in an ONNX graph: rows as they are in the file, to the values that the network takes. */
import { FURTHEST, type Column, type NumberColumn, type TextColumn } from '../data/columns.js';
import { FLOAT, type OnnxGraph } from '../formats/onnx-graph.js';

/** Name of the graph's input: f64 [n, columns]. */
export const ROWS = 'rows';

/**
 * The network's values [n, values] of `rows` [n, columns]: numbers as they are, a text by its index in the column's `values`, or any
 * other number for one that is not among them; NaN for an empty cell. In f64 and rounded once, as `encodeRow` does.
 */
export function columnValues(graph: OnnxGraph, columns: readonly Column[]): string {
  const parts = blocks(columns).map(([from, block]) =>
    block[0]?.kind === 'number'
      ? numbers(graph, from, block as NumberColumn[])
      : texts(graph, from, block[0] as TextColumn),
  );
  return parts.length === 1 ? (parts[0] as string) : graph.node('Concat', parts, { axis: 1 });
}

/** Neighbouring columns of numbers together, each column of texts alone; with the place of the first one. */
function blocks(columns: readonly Column[]): [from: number, block: Column[]][] {
  const all: [number, Column[]][] = [];
  columns.forEach((column, i) => {
    const last = all.at(-1);
    if (column.kind === 'number' && last?.[1][0]?.kind === 'number') last[1].push(column);
    else all.push([i, [column]]);
  });
  return all;
}

function slice(graph: OnnxGraph, from: number, end: number): string {
  return graph.node('Slice', [ROWS, graph.integers([from]), graph.integers([end]), graph.integers([1])]);
}

function numbers(graph: OnnxGraph, from: number, columns: readonly NumberColumn[]): string {
  const size = [columns.length];
  const means = graph.doubles(
    size,
    columns.map(({ mean }) => mean),
  );
  const deviations = graph.doubles(
    size,
    columns.map(({ deviation }) => deviation),
  );
  const centred = graph.node('Sub', [slice(graph, from, from + columns.length), means]);
  const scaled = graph.node('Div', [centred, deviations]);
  const limited = graph.node('Clip', [scaled, graph.doubles([], [-FURTHEST]), graph.doubles([], [FURTHEST])]);
  const filled = graph.node('Where', [graph.node('IsNaN', [scaled]), graph.doubles([], [0]), limited]);
  return graph.node('Cast', [filled], { to: FLOAT });
}

function texts(graph: OnnxGraph, from: number, { values }: TextColumn): string {
  const places = graph.doubles(
    [1, values.length],
    values.map((_, i) => i),
  );
  // [n, 1] against [1, values]
  return graph.node('Cast', [graph.node('Equal', [slice(graph, from, from + 1), places])], { to: FLOAT });
}
