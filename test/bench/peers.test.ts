/**
 * Peers: what their lines may say, that a dead or wrong one fails loudly, and that a missing one is named.
 * Own process: it changes its environment.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compare } from '../../bench/compare/check.js';
import { numbersOf, parseAnswer, secondsOf } from '../../bench/compare/lines.js';
import { openPeer } from '../../bench/compare/peer-process.js';
import { environment, missing, type Peer, PEERS, pythonSettings } from '../../bench/compare/peers.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pff-test-peers-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a line of a peer', () => {
  test('is an answer, or why it is none', () => {
    expect(parseAnswer('{"id":3,"ok":{"seconds":0.5}}')).toEqual({ id: 3, ok: { seconds: 0.5 } });
    expect(parseAnswer('{"id":3,"error":"no memory"}')).toEqual({ id: 3, error: 'no memory' });
    expect(parseAnswer('Loading…')).toEqual({ wrong: 'not JSON: Loading…' });
    for (const line of [
      'null',
      '7',
      '{"ok":{}}',
      '{"id":"3","ok":{}}',
      '{"id":3}',
      '{"id":3,"ok":null}',
      '{"id":3,"ok":1}',
    ])
      expect(parseAnswer(line), line).toHaveProperty('wrong');
  });

  test('has seconds and losses that are numbers', () => {
    expect(secondsOf('x', { seconds: 0.25 })).toBe(0.25);
    for (const seconds of [0, -1, Number.NaN, '1', null])
      expect(() => secondsOf('slowpoke', { seconds })).toThrow(/slowpoke says that it took/);
    expect(numbersOf('x', { losses: [1, 2] }, 'losses')).toEqual([1, 2]);
    expect(() => numbersOf('x', { losses: [1, '2'] }, 'losses')).toThrow(/no list of numbers as "losses"/);
  });
});

describe('a peer process', () => {
  const opened = (script: string) => {
    const file = join(folder, 'peer.mjs');
    writeFileSync(file, script);
    return openPeer({ name: 'toy', operands: 'f32', command: process.execPath, args: [file], env: {} }, folder, 1, 4);
  };
  const answering = (body: string) => `
    import { createInterface } from 'node:readline';
    for await (const line of createInterface({ input: process.stdin })) {
      const { id, do: method } = JSON.parse(line);
      if (method === 'open') console.log(JSON.stringify({ id, ok: { about: 'a toy', work: ['step', 'nonsense'], trains: false } }));
      else { ${body} }
    }`;

  test('says what it is and can do, and answers', async () => {
    const peer = await opened(answering('console.log(JSON.stringify({ id, ok: { seconds: 0.5 } }));'));
    expect(peer.about).toBe('a toy');
    expect([...peer.work]).toEqual(['step']);
    expect(await peer.run('step')).toBe(0.5);
    await peer.close();
  });

  test('fails in its own words', async () => {
    const peer = await opened(answering('console.log(JSON.stringify({ id, error: "out of luck" }));'));
    await expect(peer.run('step')).rejects.toThrow('toy: out of luck');
    await peer.close();
  });

  test('fails when it talks nonsense', async () => {
    const peer = await opened(answering('console.log("hello");'));
    await expect(peer.run('step')).rejects.toThrow('toy: not JSON: hello');
    await peer.close();
  });

  test('fails when it dies, with the last of its complaints, and stays failed', async () => {
    const peer = await opened(answering('console.error("the end"); process.exit(3);'));
    await expect(peer.run('step')).rejects.toThrow(/toy: it ended with exit code 3 \(the end\)/);
    await expect(peer.run('step')).rejects.toThrow(/exit code 3/);
    await peer.close();
  });

  test('that does not start at all is told', async () => {
    const peer = openPeer(
      { name: 'ghost', operands: 'f32', command: join(folder, 'nothing'), args: [], env: {} },
      folder,
      1,
      4,
    );
    await expect(peer).rejects.toThrow(/ghost: .*ENOENT/);
  });
});

describe('a missing peer', () => {
  const named = (name: string) => PEERS.find((peer) => peer.name === name) as Peer;

  test('is named with the packages that lack, and how to install them', () => {
    mkdirSync(join(folder, 'node_modules', '@tensorflow', 'tfjs'), { recursive: true });
    expect(missing(named('tfjs-wasm'), folder, 'python3')).toEqual({
      name: 'tfjs-wasm',
      why: '@tensorflow/tfjs-backend-wasm is not installed',
      install: 'npm run bench:peers',
    });
    mkdirSync(join(folder, 'node_modules', '@tensorflow', 'tfjs-backend-wasm'), { recursive: true });
    expect(missing(named('tfjs-wasm'), folder, 'python3')).toBeUndefined();
  });

  test('without its Python is named too', () => {
    const found = missing(named('pytorch-autograd'), folder, join(folder, 'no-python'));
    expect(found?.why).toMatch(/no-python cannot be started/);
    expect(found?.install).toMatch(/python3-torch/);
  });
});

test('a peer is not touched by settings of the environment that it was not given', () => {
  process.env['OPENBLAS_NUM_THREADS'] = '64';
  try {
    const env = environment({ OMP_NUM_THREADS: '1' });
    expect(env['OPENBLAS_NUM_THREADS']).toBeUndefined();
    expect(env['OMP_NUM_THREADS']).toBe('1');
    expect(env['PATH']).toBe(process.env['PATH']);
  } finally {
    delete process.env['OPENBLAS_NUM_THREADS'];
  }
});

test('in bf16 the products are not of OpenBLAS, whose kernels are not tried', () => {
  const settings = pythonSettings(true, 'bf16');
  expect(settings).toContainEqual({});
  expect(settings.some((one) => 'OPENBLAS_CORETYPE' in one)).toBe(false);
});

test('AVX-512 settings are tried only where the CPU has it', () => {
  const all = (avx512: boolean) => JSON.stringify([pythonSettings(avx512, 'f32'), pythonSettings(avx512, 'bf16')]);
  expect(all(false)).not.toMatch(/SkylakeX|avx512/);
  if (process.arch === 'x64') expect(all(true)).toMatch(/SkylakeX/);
});

describe('what a peer computed', () => {
  const computed = (losses: number[], values: number[]) => ({ losses, values: Float32Array.from(values) });

  test('may differ by the tolerance, of the way that training went', () => {
    const ours = computed([0.5], [10.1, 20.1]);
    const before = Float32Array.of(10, 20);
    expect(compare(computed([0.500_04], [10.1, 20.1]), ours, 'f32', 'trained', before).ok).toBe(true);
    expect(compare(computed([0.51], [10.1, 20.1]), ours, 'f32', 'trained', before).ok).toBe(false);
    expect(compare(computed([0.5], [10.1, 20.2]), ours, 'f32', 'trained', before).ok).toBe(false);
    // Beside the weights themselves the same difference would be small.
    expect(compare(computed([], [10.1, 20.101]), computed([], [10.1, 20.1]), 'f32', 'inferred').ok).toBe(true);
  });

  test('may differ by the roundings of products in bf16, but not in f32', () => {
    const ours = computed([0.5], [1, 2]);
    const rounded = computed([0.5002], [1.002, 2.004]);
    expect(compare(rounded, ours, 'bf16', 'inferred').ok).toBe(true);
    expect(compare(rounded, ours, 'f32', 'inferred').ok).toBe(false);
    expect(compare(computed([0.51], [1, 2]), ours, 'bf16', 'inferred').ok).toBe(false);
    expect(compare(computed([0.5], [1.01, 2.02]), ours, 'bf16', 'inferred').ok).toBe(false);
  });

  test('is wrong if it is not as long, or not a number', () => {
    const ours = computed([0.5], [1, 2]);
    expect(compare(computed([0.5], [1]), ours, 'f32', 'inferred').ok).toBe(false);
    expect(compare(computed([], [1, 2]), ours, 'f32', 'inferred').ok).toBe(false);
    expect(compare(computed([0.5], [1, Number.NaN]), ours, 'f32', 'inferred').ok).toBe(false);
    expect(compare(computed([Number.NaN], [1, 2]), ours, 'f32', 'inferred').ok).toBe(false);
  });
});
