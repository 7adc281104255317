/** What a chart is made of: lines, and the words around them. */
export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dashed?: boolean;
  /** Points as well as a line: for values that are few. */
  readonly dots?: boolean;
  readonly wide?: boolean;
  /** A single ring: a value of another kind than the lines. */
  readonly ring?: boolean;
}

export interface ChartText {
  readonly title: string;
  readonly explanation: string;
  readonly x: (value: number) => string;
  readonly y: (value: number) => string;
  /** As `y`, no longer than needed, along the axis. */
  readonly tick: (value: number) => string;
  /** A table beside it names the lines with their colours, so where there are many there is no legend. */
  readonly named?: true;
}
