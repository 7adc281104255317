/** Options that name data of one's own: `--data`, `--test`, `--validation`. */
import { type Place, placeText } from '../../data/sources/own/place.js';
import { PffError } from '../../errors.js';
import type { PartialSpec } from '../../spec/spec.js';
import { parseNumber, textFlag, type Flags } from './flags.js';

const group = 'Data';

export const dataFlags = {
  data: {
    ...textFlag(
      'PATH',
      'data of your own: a CSV, TSV, JSON lines, Parquet or NumPy file; a folder of images for each class; a folder of IDX files. pff data check PATH says what is seen in it',
    ),
    group,
  },
  test: {
    ...textFlag(
      'SHARE|FILE',
      'with --data: the share of its samples that is set aside for testing, or a table of them',
    ),
    group,
    shownDefault: 'what the data have as such a part, else 0.2',
  },
  validation: {
    ...textFlag('SHARE|FILE', 'with --data: the same for samples to follow the training by'),
    group,
    shownDefault: 'what the data have as such a part, else none',
  },
} satisfies Flags;

export interface GivenData {
  readonly data?: string;
  readonly test?: string;
  readonly validation?: string;
  readonly 'data-dir'?: string;
}

/** Where the data lie, and what of the spec that fixes. @throws PffError `usage` where options contradict each other */
export function askedData(given: GivenData & { readonly dataset?: unknown }): {
  readonly dataDir: string | undefined;
  readonly spec: PartialSpec;
} {
  const { data, test, validation, 'data-dir': dataDir } = given;
  if (data === undefined) {
    const lone = test !== undefined ? 'test' : validation !== undefined ? 'validation' : undefined;
    if (lone !== undefined)
      throw new PffError('usage', `--${lone} is of data of your own, but --data was not given`, {
        hint: 'Add --data FILE; --test-samples and --validation-samples are for other datasets.',
      });
    return { dataDir, spec: {} };
  }
  if (dataDir !== undefined || (given.dataset !== undefined && given.dataset !== 'own'))
    throw new PffError(
      'usage',
      `--data names data of your own, but --${dataDir === undefined ? 'dataset' : 'data-dir'} was given as well`,
      {
        hint: 'Leave one of them out.',
      },
    );
  const shares = { test: shareIn(test, 'test'), validation: shareIn(validation, 'validation') };
  const file = (of: 'test' | 'validation'): string | undefined => (shares[of] === undefined ? given[of] : undefined);
  return {
    dataDir: placeText({ data, test: file('test'), validation: file('validation') }),
    spec: {
      dataset: 'own',
      ...(shares.test === undefined ? {} : { testShare: shares.test }),
      ...(shares.validation === undefined ? {} : { validationShare: shares.validation }),
    },
  };
}

/** Of commands on a run whose spec says how its data are read: the same files again. */
export const sameDataFlags = {
  data: textFlag('PATH', 'where the run is on data of your own: the same file or folder, unchanged'),
  test: textFlag('FILE', 'with --data: the table to test on, where the run was submitted with one'),
  validation: textFlag('FILE', 'with --data: the same for validation'),
} satisfies Flags;

/** What `sameDataFlags` name. @throws PffError `usage` for files that belong to no data, and for shares, which the run's spec has */
export function askedPlace({ data, test, validation }: GivenData): Place | undefined {
  for (const [name, given] of Object.entries({ test, validation }))
    if (given !== undefined && (data === undefined || !Number.isNaN(parseNumber(given))))
      throw new PffError(
        'usage',
        data === undefined
          ? `--${name} is of data of your own, but --data was not given`
          : `--${name} ${given} is a share`,
        { hint: data === undefined ? 'Add --data FILE.' : 'Leave it out: the run says which share is set aside.' },
      );
  return data === undefined ? undefined : { data, test, validation };
}

/** The same where it is of one run, whose data lie in one place. @throws PffError `usage` */
export function askedOnePlace(given: GivenData): Place | undefined {
  const place = askedPlace(given);
  if (place !== undefined && given['data-dir'] !== undefined)
    throw new PffError('usage', '--data names data of your own, but --data-dir was given as well', {
      hint: 'Leave one of them out.',
    });
  return place;
}

/** Undefined for a file. */
function shareIn(text: string | undefined, name: string): number | undefined {
  const share = parseNumber(text);
  if (text === undefined || Number.isNaN(share)) return undefined;
  if (!(share >= 0 && share <= 0.9))
    throw new PffError('usage', `--${name} is ${text}, but a share is from 0 to 0.9`, {
      hint: 'Give a share such as 0.2, or a file.',
    });
  return share;
}
