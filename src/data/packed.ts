/** A whole dataset as one sequence of bytes, for those who get it over a network: a line of JSON, and the arrays behind it. */
import { z } from 'zod';
import { messageOf, PffError } from '../errors.js';
import { assembleDataset, toShared } from './assemble.js';
import { inputsSchema } from './columns.js';
import { bytesOf, imageSize, type Dataset, type Samples } from './dataset.js';
import { labelBytes, labelsIn, MOST_CLASSES } from './label-array.js';

const MOST_SAMPLES = 1 << 28;
const part = z.strictObject({ count: z.int().min(0).max(MOST_SAMPLES), floats: z.boolean() });
const side = z
  .int()
  .min(1)
  .max(1 << 24);
const headerSchema = z.strictObject({
  v: z.literal(1),
  name: z.string().max(200),
  shape: z.strictObject({ width: side, height: side, channels: side }),
  classes: z.array(z.string()).min(1).max(MOST_CLASSES),
  inputs: inputsSchema.optional(),
  train: part,
  test: part,
  validation: part.optional(),
});
type Header = z.infer<typeof headerSchema>;

/** The pieces of a packed dataset, in order; the arrays are views of the dataset's own memory. */
export function packedDataset(dataset: Dataset): Uint8Array[] {
  const { name, shape, classes, inputs, train, test, validation } = dataset;
  const partOf = ({ count, images }: Samples) => ({ count, floats: images instanceof Float32Array });
  const header: Header = {
    v: 1,
    name,
    shape,
    classes: [...classes],
    ...(inputs ? { inputs: inputsSchema.parse(inputs) } : {}),
    train: partOf(train),
    test: partOf(test),
    ...(validation ? { validation: partOf(validation) } : {}),
  };
  const arrays = [train, test, ...(validation ? [validation] : [])].flatMap(({ images, labels }) => [
    bytesOf(images),
    bytesOf(labels),
  ]);
  return [new TextEncoder().encode(`${JSON.stringify(header)}\n`), ...arrays];
}

/** The dataset, in memory that threads share, with its digest computed anew. @throws PffError `data` for other bytes */
export function unpackDataset(bytes: Uint8Array): Dataset {
  const header = headerOf(bytes);
  const { name, shape, classes, inputs } = header;
  const size = imageSize(shape);
  let at = bytes.indexOf(NEWLINE) + 1;
  const take = (length: number): Uint8Array => {
    if (!(at + length <= bytes.length)) throw damaged(`${bytes.length} bytes, but more were announced`);
    at += length;
    return toShared(bytes.subarray(at - length, at));
  };
  const samples = ({ count, floats }: z.infer<typeof part>): Samples => {
    const values = take(count * size * (floats ? 4 : 1));
    const labels = labelsIn(take(count * labelBytes(classes.length)).buffer, classes.length);
    return { count, images: floats ? new Float32Array(values.buffer) : values, labels };
  };
  const train = samples(header.train);
  const test = samples(header.test);
  const validation = header.validation && samples(header.validation);
  if (at !== bytes.length) throw damaged(`${bytes.length - at} bytes too many`);
  return assembleDataset(name, shape, classes, train, test, [], { validation, inputs });
}

const NEWLINE = 10;

function headerOf(bytes: Uint8Array): Header {
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) throw damaged('no header');
  try {
    return headerSchema.parse(JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))));
  } catch (error) {
    throw damaged(messageOf(error).slice(0, 200));
  }
}

function damaged(what: string): PffError {
  return new PffError('data', `the dataset that came is damaged: ${what}`, { hint: 'Load the page again.' });
}
