/**
 * What every dataset must be, and what is odd about one, whatever source it came from: what nobody would notice until a network has
 * learned the wrong thing. Sources say themselves what they left out.
 */
import { PffError } from '../errors.js';
import { type Dataset, imageSize, type Samples } from './dataset.js';

type Data = Pick<Dataset, 'name' | 'shape' | 'classes' | 'train' | 'test' | 'validation'>;

/** This much of all samples in one class makes guessing it look like learning. */
const DOMINANT = 0.9;
/** Samples of the largest class for each one of a rare class. */
const RARE = 20;
const MOST_NAMED = 10;

/** @throws PffError `data` where sizes, counts or labels do not fit each other. */
export function checkSamples({ name, shape, classes, train, test, validation }: Data): void {
  const size = imageSize(shape);
  for (const [part, { count, images, labels }] of [
    ['training', train],
    ['test', test],
    ...(validation ? [['validation', validation] as const] : []),
  ] as const) {
    if (images.length !== count * size || labels.length !== count)
      throw new PffError(
        'data',
        `${name}: ${count} ${part} samples of ${shape.width} x ${shape.height} x ${shape.channels} need ${count * size} values and ${count} labels, but there are ${images.length} and ${labels.length}`,
        { hint: 'Give one label for each image, and all images in one size.' },
      );
    const wrong = labels.findIndex((label) => label >= classes.length);
    if (wrong >= 0)
      throw new PffError(
        'data',
        `${name}: label ${labels[wrong]} of ${part} sample ${wrong} is out of range: there are ${classes.length} classes`,
        { hint: `Labels must be 0 … ${classes.length - 1}.` },
      );
  }
}

/** What is odd about a dataset, in sentences for people; nothing is changed because of it. */
export function oddities({ classes, train, test }: Data): string[] {
  const [trained, tested] = [train, test].map((samples) => countsOf(samples, classes.length)) as [number[], number[]];
  const which = (is: (label: number) => boolean): number[] => classes.flatMap((_, label) => (is(label) ? [label] : []));
  const notes: string[] = [];
  const say = (these: readonly number[], what: string): void => {
    if (these.length > 0) notes.push(`${named(these, classes)}: ${what}`);
  };
  say(
    which((label) => train.count > 0 && test.count > 0 && trained[label] === 0 && tested[label] === 0),
    'no samples at all',
  );
  say(
    which((label) => train.count > 0 && trained[label] === 0 && (tested[label] as number) > 0),
    'only test samples, so that it cannot be learned',
  );
  say(
    which((label) => (trained[label] as number) > 0 && tested[label] === 0 && test.count > 0),
    'no test samples, so that accuracy says nothing of it',
  );
  const most = Math.max(...trained);
  say(
    which((label) => (trained[label] as number) > 0 && (trained[label] as number) * RARE < most),
    `fewer than one training sample for ${RARE} of the largest class; accuracy may hide that it is never right`,
  );
  if (most > DOMINANT * train.count && classes.length > 1)
    notes.push(
      `${((100 * most) / train.count).toFixed(1)} % of the training samples are of class ${classes[trained.indexOf(most)]}`,
    );
  if (!(train.images instanceof Uint8Array)) return notes;
  const bright = [train, test].map(({ images }) => images.some((value) => value > 1));
  if (!bright[0] && train.images.some((value) => value > 0))
    notes.push('no value of the training images is above 1 of 255: were they meant as 0 … 1?');
  else if (!bright[1] && test.images.some((value) => value > 0))
    notes.push('no value of the test images is above 1 of 255, unlike the training images');
  if (train.images.length > 0 && !train.images.some((value) => value !== train.images[0]))
    notes.push('all values of the training images are the same');
  return notes;
}

/** The classes that have training samples, but none among those that are `used`, in a sentence for people. */
export function lostClasses({ classes, train }: Pick<Data, 'classes' | 'train'>, used: Samples): string[] {
  if (used.count === train.count) return [];
  const [all, left] = [train, used].map((samples) => countsOf(samples, classes.length)) as [number[], number[]];
  const lost = classes.flatMap((_, label) => ((all[label] as number) > 0 && left[label] === 0 ? [label] : []));
  if (lost.length === 0) return [];
  return [
    `${named(lost, classes)}: none among the ${used.count} training samples that are used, so that it cannot be learned`,
  ];
}

/** Classes by their names, not all where they are many. */
function named(these: readonly number[], classes: readonly string[]): string {
  const names = these.slice(0, MOST_NAMED).map((label) => classes[label]);
  const more = these.length > MOST_NAMED ? ` and ${these.length - MOST_NAMED} more` : '';
  return `${these.length === 1 ? 'class' : 'classes'} ${names.join(', ')}${more}`;
}

function countsOf({ labels }: Samples, classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  return counts;
}
