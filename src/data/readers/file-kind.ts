/** What a file of one's own is, told from its content, not from its name. */
import { PffError } from '../../errors.js';
import { imageKind } from './image-bytes.js';

/** A table in a file, by its form. */
export type TableKind = 'delimited' | 'json' | 'parquet';
export type FileKind = TableKind | 'npz' | 'npy';
export type FolderKind = 'idx' | 'images' | 'arrays' | 'tables';

/** Kinds that are read, for errors. */
export const READABLE =
  'CSV, TSV, JSON lines, Parquet, NumPy (.npz, .npy), the four IDX files in a folder, or a folder of images for each class';

export interface FoundFile {
  readonly kind: FileKind;
  /** Unpacked. */
  readonly bytes: Uint8Array;
}

/** What unpacked bytes are; `file` is what errors call them. @throws PffError `data` where they are none of the kinds */
export function fileKind(bytes: Uint8Array, file: string): FileKind {
  const refuse = (what: string, hint: string): never => {
    throw new PffError('data', `${file} ${what}`, { hint });
  };
  if (startsWith(bytes, 'PK\u0003\u0004')) return 'npz';
  if (startsWith(bytes, [0x93]) && startsWith(bytes.subarray(1), 'NUMPY')) return 'npy';
  if (startsWith(bytes, 'PAR1')) return 'parquet';
  if (startsWith(bytes, [0, 0, 8]))
    return refuse('is one IDX file', 'Name the folder with the images and the labels of training and test.');
  if (imageKind(bytes) !== undefined)
    return refuse('is one image', 'Name a folder that has a folder of images for each class.');
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 4096));
  if (text.includes('\0')) return refuse('is none of the files that are read', `Give ${READABLE}.`);
  if (text.trim() === '') return refuse('is empty', `Give ${READABLE}.`);
  return /^(ï»¿)?\s*[[{]/.test(text) ? 'json' : 'delimited';
}

export function startsWith(bytes: Uint8Array, sign: string | readonly number[]): boolean {
  const codes = typeof sign === 'string' ? Array.from(sign, (letter) => letter.charCodeAt(0)) : sign;
  return codes.every((code, i) => bytes[i] === code);
}

/** Names of a part of the data, as folders and files have them. */
export const PART_NAMES = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation', 'dev'],
  test: ['test', 'testing'],
} as const;

/** The file of a part in a folder: `train.csv`, `test.parquet`, `val.jsonl.gz`. */
export function partFile(files: readonly string[], part: keyof typeof PART_NAMES): string | undefined {
  return files.find(
    (file) =>
      PART_NAMES[part].some((name) => file.toLowerCase().startsWith(`${name}.`)) &&
      /\.(csv|tsv|txt|jsonl|ndjson|json|parquet)(\.gz)?$/i.test(file),
  );
}
