/** A container's quota of cores, of both versions of cgroups. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { usableCores } from '../../src/run/cores.js';

/** A root folder with these files. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'pff-cores-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

/** Other systems have no cgroups. */
const noCgroups = process.platform !== 'linux';

it.skipIf(noCgroups).each([
  ['a container of version 2', 3, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '300000 100000\n' }],
  ['a part of a core counts as one', 1, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' }],
  ['a part beyond is left out', 2, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '250000 100000\n' }],
  ['no limit', 8, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' }],
  [
    'the limit of a group above',
    2,
    {
      'proc/self/cgroup': '0::/kubepods/pod7/job\n',
      'sys/fs/cgroup/kubepods/pod7/job/cpu.max': '400000 100000\n',
      'sys/fs/cgroup/kubepods/pod7/cpu.max': '200000 100000\n',
    },
  ],
  [
    "version 1, with the host's path in the container",
    2,
    {
      'proc/self/cgroup': '5:memory:/docker/1a\n4:cpu,cpuacct:/docker/1a\n0::/\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '200000\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    },
  ],
  [
    'version 1 without a limit',
    8,
    {
      'proc/self/cgroup': '1:cpu:/\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
  ],
  [
    'a quota above the cores that there are',
    8,
    { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '1600000 100000\n' },
  ],
  ['no cgroups', 8, {}],
] as const)('%s: %i', (_, cores, files) => {
  vi.spyOn(os, 'availableParallelism').mockReturnValue(8);
  onTestFinished(() => void vi.restoreAllMocks());
  expect(usableCores(rootWith(files))).toBe(cores);
});
