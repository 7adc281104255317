/** MNIST beside the page (src/page/demo/ packs it): bytes by gzip, images and labels of training and test one after the other. */
import { datasetFromArrays, type Dataset } from '../../src/in-browser/index.js';

const [TRAIN, TEST, SIDE] = [60_000, 10_000, 28];

/** @throws Error where it cannot be had */
export async function loadMnist(onBytes: (received: number, of: number) => void): Promise<Dataset> {
  const response = await fetch('mnist.bin');
  if (!response.ok || !response.body) throw new Error(`mnist.bin: the server answers ${response.status}`);
  const of = Number(response.headers.get('content-length') ?? 0);
  let received = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        received += chunk.length;
        onBytes(received, of);
        controller.enqueue(chunk);
      },
    }),
  );
  const bytes = new Uint8Array(await new Response(counted.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
  let at = 0;
  const take = (length: number): Uint8Array => bytes.subarray(at, (at += length));
  const train = { images: take(TRAIN * SIDE * SIDE), labels: take(TRAIN) };
  const test = { images: take(TEST * SIDE * SIDE), labels: take(TEST) };
  if (at !== bytes.length) throw new Error(`mnist.bin has ${bytes.length} bytes, not ${at}`);
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  return datasetFromArrays({ name: 'mnist', shape: { width: SIDE, height: SIDE, channels: 1 }, classes, train, test });
}
