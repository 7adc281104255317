/** `loadData` of the library: data of one's own, as `train({ data })` reads them. */
import { checkOptions } from '../../../known-options.js';
import type { Dataset } from '../../dataset.js';
import { placeText, type Place } from './place.js';
import { USUAL_READING, type Reading } from '../../readers/reading.js';

/**
 * Loads data of one's own, whose kind is told from the content: a table (CSV, TSV, JSON lines, Parquet), NumPy arrays, a folder of
 * images for each class, or a folder of IDX files.
 * @param reading how they are read; the fields of a spec of the same names.
 * @throws PffError `data` naming the file, row and column.
 */
export async function loadData(data: string | Place, reading: Partial<Reading> = {}): Promise<Dataset> {
  checkOptions('loadData', reading, {
    labelColumn: true,
    ignoreColumns: true,
    missing: true,
    testShare: true,
    validationShare: true,
    splitSeed: true,
    imageSize: true,
  });
  const { loadOwnData } = await import('./own-data.js');
  return loadOwnData(placeText(typeof data === 'string' ? { data } : data), { ...USUAL_READING, ...reading });
}
