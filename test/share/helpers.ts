/** A shared run and browsers that take part in it, for tests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { writeIdx } from '../../src/data/idx.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { exactNumerics } from '../../src/kernels/numerics.js';
import { RandomStream } from '../../src/random.js';
import { listRuns } from '../../src/run/cluster/manage.js';
import { newRunRecord } from '../../src/run/cluster/record.js';
import { NatsApi } from '../../src/store/nats/api.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { NatsRegistry } from '../../src/store/nats/registry.js';
import { runEngine } from '../../src/store/nats/run-engine.js';
import type { ServerOptions } from '../../src/store/nats/server-options.js';
import { resolveSpec } from '../../src/spec/spec.js';
import type { TestBrowser } from '../../tools/browser.js';
import type { Fleet } from '../cluster/fleet.js';
import { sleep, type Pff, type TestServer } from '../cluster/server.js';

const SIDE = 8;

/** Images of noise in IDX files, and their folder. */
export function writeNoise(folder: string, count: number): string {
  mkdirSync(folder, { recursive: true });
  const random = new RandomStream(1, 'test', 5);
  const data = Uint8Array.from({ length: count * SIDE * SIDE }, () => random.below(256));
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  for (const split of ['train', 't10k']) {
    writeFileSync(path.join(folder, `${split}-images-idx3-ubyte`), writeIdx({ dims: [count, SIDE, SIDE], data }));
    writeFileSync(path.join(folder, `${split}-labels-idx1-ubyte`), writeIdx({ dims: [count], data: labels }));
  }
  return folder;
}

/** For such images: enough tasks that several nodes have some, each of them short. */
export const spec = resolveSpec({
  dataset: 'idx',
  layers: [SIDE * SIDE, 32, 32, 24],
  epochs: 12,
  splits: 12,
  batch: 16,
  seed: 4,
});

/** `pff share`, once it has printed its link. */
export async function shared(
  fleet: Fleet,
  at: TestServer,
  ...args: string[]
): Promise<{ readonly pff: Pff; readonly url: string }> {
  await until(async () => (await listRuns({ server: at.url })).length > 0);
  const pff = fleet.pff('share', 'test', '--server', at.url, '--port', '0', ...args);
  const url = await until(
    () => /at (https?:\S+)/.exec(pff.out)?.[1],
    () => pff.text,
  );
  return { pff, url };
}

/** A tab that has joined. */
export async function joined(browser: TestBrowser, url: string): Promise<Page> {
  const page = await browser.open(url);
  await page.getByRole('button', { name: 'Join the run' }).click();
  return page;
}

export async function tile(page: Page, name: string): Promise<string> {
  return (await page.locator('.tile', { hasText: name }).locator('.value').textContent()) ?? '';
}

/** `result`, unless a tab cannot go on. */
export function unlessFailed<T>(result: Promise<T>, pages: readonly Page[]): Promise<T> {
  const failed = pages.map(async (page): Promise<never> => {
    const why = page.locator('.about.bad');
    await why.waitFor({ timeout: 0 }).catch(() => new Promise(() => {}));
    throw new Error(`a tab failed: ${await why.textContent()}`);
  });
  return Promise.race([result, ...failed]);
}

/** What `look` finds once it finds something. @param more said if it does not in time */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  more = (): string => '',
  ms = 45_000,
): Promise<T> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(50)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`nothing came: ${more()}`);
}

/** Puts a run on the server that nobody works on yet. */
export async function submitted(
  at: TestServer,
  dataDir: string,
  login: Partial<ServerOptions> = {},
  asked = spec,
): Promise<void> {
  const dataset = await loadDataset({ dataset: 'idx', dataDir });
  const setting = { run: 'test', spec: asked, variant: 'all-layers', nodes: 2, numerics: exactNumerics.f32 } as const;
  const storage = { storage: 'memory', replicas: 1, maxBytes: 0 } as const;
  const record = newRunRecord({ ...setting, ...storage, leaseMs: 1500 }, dataset);
  const connection = await connectNats({ server: at.url, ...login }, 'test');
  const api = new NatsApi(connection);
  const registry = new NatsRegistry(api);
  await registry.open(1);
  await registry.add(record);
  await runEngine(api, registry, record).open();
  await connection.close();
}
