/** `pff watch RUN --server`: the page of a run of a cluster, over a real server and node. */
import { afterAll, expect, it } from 'vitest';
import type { PageEvent } from '../../src/page/page-event.js';
import { viewOf } from '../../src/page/run-view.js';
import { freePort, Pff, sleep, TestServer } from '../cluster/server.js';
import { ownFolder } from '../cli/helpers.js';

const LATE_MS = 1500;
const processes: Pff[] = [];
let server: TestServer | undefined;
afterAll(async () => {
  for (const each of processes) await each.end();
  await server?.close();
});

function pff(...args: string[]): Pff {
  const started = new Pff(...args);
  processes.push(started);
  return started;
}

/** The view that a reader of the page has once its run is finished. */
async function finishedView(url: string): Promise<ReturnType<typeof viewOf>> {
  for (let i = 0; i < 100; i++) {
    const response = await fetch(`${url}events`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (!/^id: /m.test(text)) text += decoder.decode((await reader.read()).value, { stream: true });
    await reader.cancel();
    const events = [...text.matchAll(/^event: events\ndata: (.*)$/gm)].flatMap(
      ([, data]) => JSON.parse(data as string) as PageEvent[],
    );
    const view = viewOf(events);
    if (view.status === 'finished') return view;
    await sleep(200);
  }
  throw new Error('the run did not finish');
}

it('shows a run of a cluster to its end, and leaves by Ctrl-C', async () => {
  server = await TestServer.start();
  const folder = ownFolder();
  const at = ['--server', server.url];
  pff('node', ...at, '--threads', '1');
  const small =
    '--layers 784,32,32 --train-samples 640 --test-samples 200 --epochs 2 --nodes 2 --run shown --quiet --json'.split(
      ' ',
    );
  const trained = pff('train', ...at, ...small, '--out', `${folder}/train`);
  expect(await trained.exited).toBe(0);
  const { modelDigest } = JSON.parse(trained.text.slice(trained.text.indexOf('{"test'))) as { modelDigest: string };
  await sleep(LATE_MS);
  const port = await freePort();
  const watch = pff('watch', 'shown', ...at, '--no-open', '--port', String(port), '--out', `${folder}/watch`);
  while (!watch.text.includes('page at')) await sleep(50);
  const view = await finishedView(`http://127.0.0.1:${port}/`);
  expect(view.result?.modelDigest).toBe(modelDigest);
  // Two chapters of two layers, and the second one's sampled labels.
  expect(view.done.size).toBe(5);
  expect(view.nodes[0]?.processBytes).toBeGreaterThan(1e7);
  expect(view.looks.at(-1)?.analysis.samples).toBe(200);
  // The watcher came when all had been over for a while: what it adds stands as long after the nodes' work.
  expect(view.looks.at(-1)?.at).toBeGreaterThan(view.now + LATE_MS / 1000);
  watch.child.kill('SIGINT');
  expect(await watch.exited).toBe(0);
});
