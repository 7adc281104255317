/** How data of one's own are read, as a spec says it (the fields have its names): a node on another machine reads them alike. */

/** How data of one's own are read; a spec has the same fields. */
export interface Reading {
  /** The column with the classes: its name, or its place from 1; by default one that is called so, else the last. */
  readonly labelColumn: string;
  /** Names of columns that are left out, separated by commas. */
  readonly ignoreColumns: string;
  /** Of an empty cell. */
  readonly missing: 'refuse' | 'drop' | 'fill';
  /** Shares of the samples that are set aside where the source does not divide them itself. */
  readonly testShare: number;
  readonly validationShare: number;
  /** What decides which samples these are. */
  readonly splitSeed: number;
  /** `28x28`, `28x28x3`: what images are scaled to; empty: all must have one size. */
  readonly imageSize: string;
}

export const USUAL_READING: Reading = {
  labelColumn: '',
  ignoreColumns: '',
  missing: 'refuse',
  testShare: 0.2,
  validationShare: 0,
  splitSeed: 1,
  imageSize: '',
};

/** The part of a spec that says how data are read. */
export function readingOf(spec: Reading): Reading {
  const { labelColumn, ignoreColumns, missing, testShare, validationShare, splitSeed, imageSize } = spec;
  return { labelColumn, ignoreColumns, missing, testShare, validationShare, splitSeed, imageSize };
}
