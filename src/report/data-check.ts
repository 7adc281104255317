/** What `pff data check` says of a dataset: its parts, classes and columns, and what pff would do with it. */
import { harmless } from './harmless.js';
import { columnsWidth, FURTHEST, type Column } from '../data/columns.js';
import { imageSize, type Dataset, type Samples } from '../data/dataset.js';
import { describeLayers, type LayerSize } from '../layers/sizes.js';
import { tableLines } from './table.js';
import * as units from './units.js';

/** What is known of a column, from the training samples. */
export interface ColumnCheck {
  readonly name: string;
  readonly kind: Column['kind'];
  readonly least?: number | undefined;
  readonly mean?: number | undefined;
  readonly most?: number | undefined;
  readonly deviation?: number | undefined;
  /** Networks are given values of at most ten deviations from the mean: there are cells below `least`, or above `most`. */
  readonly beyond?: { readonly least?: boolean; readonly most?: boolean } | undefined;
  /** Cells further from the mean than five deviations. */
  readonly outliers?: number | undefined;
  /** Texts. */
  readonly values?: readonly string[] | undefined;
}

export interface DataCheck {
  readonly name: string;
  readonly digest: string;
  readonly kind: 'table' | 'images';
  readonly shape: Dataset['shape'];
  readonly samples: { readonly train: number; readonly validation: number; readonly test: number };
  /** Samples of each class in each part. */
  readonly classes: readonly {
    readonly name: string;
    readonly train: number;
    readonly validation: number;
    readonly test: number;
  }[];
  readonly label: string | undefined;
  readonly columns: readonly ColumnCheck[];
  readonly notes: readonly string[];
  /** What `pff train --data` would take, unless told otherwise. */
  readonly plan: {
    readonly layers: readonly LayerSize[];
    readonly epochs: number;
    readonly batch: number;
    readonly splits: number;
  };
}

const FAR = 5;
/** Rows of a table that are shown. */
const SHOWN = 40;

export function checkData(dataset: Dataset, plan: DataCheck['plan']): DataCheck {
  const { name, digest, shape, classes, train, validation, test, inputs, notes = [] } = dataset;
  const counts = (samples: Samples | undefined): number[] => {
    const found = classes.map(() => 0);
    for (const label of samples?.labels ?? []) found[label] = (found[label] as number) + 1;
    return found;
  };
  const [trained, held, tested] = [counts(train), counts(validation), counts(test)];
  return {
    name,
    digest,
    kind: inputs?.kind === 'columns' ? 'table' : 'images',
    shape,
    samples: { train: train.count, validation: validation?.count ?? 0, test: test.count },
    classes: classes.map((each, i) => ({
      name: each,
      train: trained[i] as number,
      validation: held[i] as number,
      test: tested[i] as number,
    })),
    label: inputs?.kind === 'columns' ? inputs.label : undefined,
    columns: inputs?.kind === 'columns' ? checkColumns(inputs.columns, train) : [],
    notes,
    plan,
  };
}

function checkColumns(columns: readonly Column[], { count, images }: Samples): ColumnCheck[] {
  const width = columnsWidth(columns);
  let at = 0;
  return columns.map((column) => {
    if (column.kind === 'text') {
      at += column.values.length;
      return { name: column.name, kind: column.kind, values: column.values };
    }
    const place = at++;
    const { mean, deviation, name, kind } = column;
    let [least, most, outliers] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
    for (let i = 0; i < count; i++) {
      const value = images[i * width + place] as number;
      least = Math.min(least, value);
      most = Math.max(most, value);
      if (Math.abs(value) > FAR) outliers++;
    }
    const cell = (value: number): number => rounded(mean + value * deviation, deviation);
    const beyond = { ...(least <= -FURTHEST ? { least: true } : {}), ...(most >= FURTHEST ? { most: true } : {}) };
    return {
      name,
      kind,
      least: cell(least),
      mean,
      most: cell(most),
      deviation,
      outliers,
      ...(Object.keys(beyond).length > 0 ? { beyond } : {}),
    };
  });
}

/** Values are known by their distance from the mean, in f32: what is below its last place is none of the cell. */
function rounded(value: number, deviation: number): number {
  const place = 10 ** Math.ceil(Math.log10(Math.max(deviation, Number.MIN_VALUE) * 1e-6));
  return place > 0 ? Number((Math.round(value / place) * place).toPrecision(12)) : value;
}

export function dataCheckLines(check: DataCheck, strong: (text: string) => string): string[] {
  const { samples, shape, classes, columns, plan, label, notes } = check;
  const size = imageSize(shape);
  const what =
    check.kind === 'table'
      ? `a table of ${columns.length} columns, ${size} values a row; the classes are in column ${harmless(label ?? '')}`
      : `images of ${shape.width} x ${shape.height} pixels, ${shape.channels === 1 ? 'grey' : `${shape.channels} channels`}`;
  const left = { align: 'left' } as const;
  const validation = samples.validation > 0;
  const classRows = classes
    .slice(0, SHOWN)
    .map((each) => [
      each.name,
      units.count(each.train),
      units.percent(each.train / samples.train, 1),
      ...(validation ? [units.count(each.validation)] : []),
      units.count(each.test),
    ]);
  const classColumns = [
    { title: 'class', ...left },
    { title: 'training' },
    { title: 'share' },
    ...(validation ? [{ title: 'validation' }] : []),
    { title: 'test' },
  ];
  const columnRows = columns
    .slice(0, SHOWN)
    .map((each) =>
      each.values
        ? [
            each.name,
            'text',
            '',
            '',
            '',
            '',
            each.values.slice(0, 6).join(', ') + (each.values.length > 6 ? ', …' : ''),
          ]
        : [
            each.name,
            'number',
            (each.beyond?.least ? '< ' : '') + short(each.least),
            short(each.mean),
            (each.beyond?.most ? '> ' : '') + short(each.most),
            each.outliers ? String(each.outliers) : '',
            '',
          ],
    );
  const more = (all: number): string[] => (all > SHOWN ? [`and ${all - SHOWN} more`] : []);
  return [
    `${strong(harmless(check.name))}: ${what}`,
    `${units.count(samples.train)} samples to train on, ${validation ? `${units.count(samples.validation)} for validation, ` : ''}${units.count(samples.test)} to test on`,
    '',
    ...tableLines(classColumns, classRows),
    ...more(classes.length),
    ...(columns.length === 0
      ? []
      : [
          '',
          ...tableLines(
            [
              { title: 'column', ...left },
              { title: 'kind', ...left },
              { title: 'least' },
              { title: 'mean' },
              { title: 'most' },
              { title: 'far off' },
              { title: 'texts', ...left },
            ],
            columnRows,
          ),
          ...more(columns.length),
        ]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `note: ${harmless(note)}`)]),
    '',
    `pff train --data would take --layers ${describeLayers(plan.layers, ',')} --epochs ${plan.epochs} --splits ${plan.splits} --batch ${plan.batch}`,
    check.kind === 'table'
      ? 'Numbers are scaled by the mean and deviation of the training rows; each text of a column becomes a value of 0 or 1.'
      : 'Pixels enter as 0 … 1; each image is scaled to unit length.',
  ];
}

function short(value: number | undefined): string {
  return value === undefined ? '' : String(Number(value.toPrecision(4)));
}
