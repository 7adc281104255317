/** `serveModel`: a trained model over HTTP. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batcher } from '../../src/page/model/batcher.js';
import { serveModel, type ServedModel } from '../../src/page/model/serve-model.js';
import { datasetFromTables } from '../../src/data/sources/own/table-data.js';
import { USUAL_READING } from '../../src/data/readers/reading.js';
import { loadModel } from '../../src/run/model.js';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-serve-'));
const images = path.join(folder, 'images');
const table = path.join(folder, 'table');
const open: ServedModel[] = [];
const serve = async (run: string, more: object = {}): Promise<ServedModel> => {
  const served = await serveModel(run, { port: 0, ...more });
  open.push(served);
  return served;
};
afterAll(async () => {
  for (const served of open) await served.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeAll(async () => {
  await trainToEnd({ spec: toySpec(), out: images }, toyDataset());
  const rows = Array.from({ length: 60 }, (_, i) => [
    i % 10,
    i % 2 === 0 ? 'round' : 'square',
    i % 10 < 5 ? 'low' : 'high',
  ]);
  const raw = {
    name: 'table',
    columns: ['x', 'form', 'class'],
    hasNames: true,
    rows,
    places: rows.map((_, i) => i + 2),
    notes: [],
  };
  const data = datasetFromTables('table', { train: raw }, USUAL_READING);
  await trainToEnd(
    { spec: { layers: [3, 16, 16], labelMode: 'append', batch: 8, epochs: 40, splits: 4 }, out: table },
    data,
  );
});

it('ends though somebody holds a connection that asks for nothing', async () => {
  const served = await serveModel(images, { port: 0 });
  const idle = connect(Number(new URL(served.url).port), '127.0.0.1');
  await once(idle, 'connect');
  const start = performance.now();
  await served.close();
  expect(performance.now() - start).toBeLessThan(5000);
  idle.destroy();
});

interface Answer {
  readonly predictions: readonly {
    readonly className: string;
    readonly shares: readonly number[];
    readonly remarks?: readonly string[];
  }[];
  readonly error?: string;
  readonly hint?: string;
}

async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  type = 'application/octet-stream',
  headers: object = {},
): Promise<[number, Answer]> {
  const answer = await fetch(new URL('predict', url), {
    method: 'POST',
    body,
    headers: { 'Content-Type': type, ...headers },
  });
  return [answer.status, (await answer.json()) as Answer];
}

describe('a model of a table', () => {
  it('answers JSON and tables, says what it takes, and counts', async () => {
    const { url } = await serve(table);
    const rows = [{ x: 1, form: 'round' }, [9, 'square']];
    const [status, { predictions }] = await post(url, JSON.stringify({ rows }), 'application/json');
    expect([status, predictions.map(({ className }) => className)]).toEqual([200, ['low', 'high']]);
    const [, csv] = await post(url, 'form,x\nround,1\nsquare,9\n', 'text/csv');
    expect(csv.predictions).toEqual(predictions);
    // Lines of JSON are a table; a client that says nothing of its JSON is understood.
    const lines = rows
      .map((row) => `${JSON.stringify(Array.isArray(row) ? { x: row[0], form: row[1] } : row)}\n`)
      .join('');
    for (const type of ['application/x-ndjson', 'application/jsonl', 'text/plain'])
      expect((await post(url, lines, type))[1].predictions).toEqual(predictions);
    const form = 'application/x-www-form-urlencoded';
    expect((await post(url, ` ${JSON.stringify({ rows })}`, form))[1].predictions).toEqual(predictions);
    const about = (await (await fetch(new URL('model', url))).json()) as {
      classes: string[];
      inputs: { columns: { name: string }[] };
    };
    expect([about.classes, about.inputs.columns.map(({ name }) => name)]).toEqual([
      ['high', 'low'],
      ['x', 'form'],
    ]);
    expect(await (await fetch(new URL('metrics', url))).text()).toContain('pff_samples_total 12\n');
    expect(await (await fetch(new URL('health', url))).json()).toEqual({ status: 'ok', model: 'table' });
    const page = await fetch(url);
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("script-src 'self'"),
    ]);
  });

  it.each([
    ['{', 'application/json', 'the request is not JSON'],
    ['{"rows": 3}', 'application/json', 'the request has no rows'],
    ['[{"x": 1}]', 'application/json', 'row 1, column form is missing'],
    ['[{"x": "long", "form": "round"}]', 'application/json', 'row 1, column x: "long" is no number'],
    ['x\n1\n', 'text/csv', 'the request: has 1 columns, but the model takes 2, and form is not among them'],
  ])('%s is refused', async (body, type, message) => {
    const [served] = open;
    const [status, { error }] = await post((served as ServedModel).url, body, type);
    expect([status, error]).toEqual([400, message]);
  });

  it('counts requests that it refuses, by their status', async () => {
    const { url } = await serve(table);
    await post(url, '{', 'application/json');
    await post(url, ' '.repeat((32 << 20) + 1), 'application/json');
    const metrics = await (await fetch(new URL('metrics', url))).text();
    expect(metrics).toContain('pff_requests_total{status="400"} 1\npff_requests_total{status="413"} 1\n');
    expect(metrics).toContain('pff_request_seconds_count 2\n');
  });

  it.each(['', 'two words', 'ключ'])('the token %j is refused', async (token) => {
    await expect(serveModel(table, { port: 0, token })).rejects.toThrow("the service's token must be 1 to 200 letters");
  });

  it('with a token answers only those who have it', async () => {
    const { url, token } = await serve(table, { token: 'a+b&c#d' });
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(302);
    const bare = new URL('/', url).href;
    const row = '[[1, "round"]]';
    expect((await fetch(new URL('predict', bare), { method: 'POST', body: row })).status).toBe(401);
    const [status] = await post(bare, row, 'application/json', { Authorization: `Bearer ${token}` });
    expect(status).toBe(200);
    expect((await fetch(new URL('health', bare))).status).toBe(200);
  });
});

it('a model of images answers an image file, scaled', async () => {
  const { url } = await serve(images);
  const png = new PNG({ width: 12, height: 12 });
  for (let i = 0; i < 144; i++) png.data.set([i, i, i, 255], 4 * i);
  const [status, { predictions }] = await post(url, new Uint8Array(PNG.sync.write(png)));
  expect([status, predictions.length, predictions[0]?.remarks]).toEqual([
    200,
    1,
    ['scaled from 12 x 12 to 6 x 6 pixels'],
  ]);
});

it('requests that come at once pass through the network together, and get what each would alone', async () => {
  const model = await loadModel(images);
  const batcher = new Batcher(model, 36);
  const samples = Array.from({ length: 40 }, (_, i) => Uint8Array.from({ length: 36 }, (__, p) => (i * p * 7) % 256));
  const together = await Promise.all(samples.map((each) => batcher.predict(each)));
  expect([batcher.samples, batcher.batches]).toEqual([40, 1]);
  for (const [i, each] of samples.entries()) expect(together[i]).toEqual(await model.predict(each));
  await model.close();
  await expect(model.predict(samples[0] as Uint8Array)).rejects.toThrow('the model is closed');
});

it('its page in a browser: draws a digit, drops an image, fills in a row, and shows what is predicted', async () => {
  const browser = await TestBrowser.start();
  try {
    const served = await serve(images);
    const page = await browser.open(served.url);
    const field = page.locator('canvas');
    await field.waitFor();
    const box = await field.boundingBox();
    if (!box) throw new Error('no field to draw on');
    // The upper left quadrant filled, stroke by stroke.
    for (let y = 0.08; y < 0.45; y += 0.06) {
      await page.mouse.move(box.x + 0.06 * box.width, box.y + y * box.height);
      await page.mouse.down();
      await page.mouse.move(box.x + 0.44 * box.width, box.y + y * box.height, { steps: 4 });
      await page.mouse.up();
    }
    await page.locator('output b', { hasText: 'top left' }).waitFor();
    expect(await page.locator('output').textContent()).toMatch(/top left \d+\.\d %[^]*scaled from 280 x 280 to 6 x 6/);
    await page.getByRole('button', { name: 'Clear' }).click();
    expect(await page.locator('output').textContent()).toBe('');
    // Nor does an answer to what was drawn before come back.
    await page.waitForTimeout(300);
    expect(await page.locator('output').textContent()).toBe('');

    const image = new PNG({ width: 12, height: 12 });
    for (let p = 0; p < 144; p++) {
      const value = p % 12 >= 6 && p >= 72 ? 220 : 50;
      image.data.set([value, value, value, 255], 4 * p);
    }
    const bytes = PNG.sync.write(image).toString('base64');
    await page.evaluate(`(() => {
      const bytes = Uint8Array.from(atob(${JSON.stringify(bytes)}), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], 'drop.png', { type: 'image/png' }));
      document.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    })()`);
    await page.locator('output b').waitFor();
    const model = await loadModel(images);
    const { className } = await model.predictImage(PNG.sync.write(image));
    await model.close();
    expect(await page.locator('output b').textContent()).toBe(className);
    await page.close();

    const rows = await browser.open((await serve(table)).url);
    await rows.getByLabel('x').fill('9');
    await rows.getByRole('button', { name: 'Predict' }).click();
    await rows.locator('output b', { hasText: 'high' }).waitFor();
    await rows.getByLabel('x').fill('much');
    await rows.getByRole('button', { name: 'Predict' }).click();
    await rows.getByText('"much" is no number').waitFor();
    await rows.close();
    expect(browser.strangers).toEqual([]);
  } finally {
    await browser.close();
  }
});
