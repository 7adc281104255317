/**
 * The stated memory bound holds for a process that does nothing else.
 * Own process: on Linux, the peak of a child process begins with that of the process that started it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { prepareData } from '../../src/node/prepare.js';
import type { RunResult } from '../../src/run/events.js';
import { nodeMemoryBound } from '../../src/run/memory.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const program = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));

/** A training in a process of its own. */
function measured(args: readonly string[]): RunResult {
  const folder = mkdtempSync(path.join(tmpdir(), 'pff-memory-'));
  const out = execFileSync(process.execPath, [program, 'train', ...args, '--json', '--out', path.join(folder, 'run')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  rmSync(folder, { recursive: true });
  return JSON.parse(out) as RunResult;
}

describe('memory', () => {
  it.each([
    ['one node', []],
    ['two nodes, all-layers', ['--nodes', '2']],
    ['two nodes, bf16', ['--nodes', '2', '--precision', 'bf16']],
    ['three nodes, single-layer', ['--nodes', '3', '--variant', 'single-layer']],
    ['DFF, bf16', ['--variant', 'dff', '--negatives', 'random', '--classifier', 'goodness', '--precision', 'bf16']],
    ['DFF', ['--variant', 'dff', '--negatives', 'random', '--classifier', 'goodness']],
    ['convolutions', ['--layers', '1x28x28,conv32+bn+max2,conv64+bn+max2,128', '--objective', 'pred']],
  ])('stays below the bound: %s', (_, flags) => {
    const layers = flags.includes('--layers') ? [] : ['--layers', '784,1200,1200,1200'];
    const small = ['--train-samples', '3000', '--test-samples', '300', '--epochs', '3', ...layers];
    let highest = 0;
    let bound = 0;
    // How far nodes run apart, and so how much waits between them, differs from run to run.
    for (let run = 0; run < 3 && bound >= 2 * highest; run++) {
      const { peakRssBytes, memoryBoundBytes } = measured([...small, ...flags]);
      expect(peakRssBytes).toBeLessThan(memoryBoundBytes);
      highest = Math.max(highest, peakRssBytes);
      bound = memoryBoundBytes;
    }
    // A bound that is far too high would refuse runs that fit.
    expect(bound).toBeLessThan(2 * highest);
  });

  it('counts what audits keep, but no state for digests on the way: they are of the one that becomes the result', () => {
    const spec = toySpec({ epochs: 20, splits: 20 });
    const prepared = prepareData(toyDataset(), spec);
    const [plain, audited] = [false, true].map((each) =>
      nodeMemoryBound(spec, { variant: 'all-layers', nodes: 2 }, prepared, each),
    );
    expect(audited?.kernelsPerNode).toBe(plain?.kernelsPerNode);
    expect(audited?.store).toBeGreaterThan(plain?.store ?? Infinity);
  });
});
