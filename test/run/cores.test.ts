/** A container's CPU quota, as control groups of both versions tell it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cpuQuota, usableCores } from '../../src/run/cores.js';
import { resolveExecution } from '../../src/run/options.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'pff-cores-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(file: string, text: string): void {
  const full = path.join(root, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
}

test('version 2: the least of all groups above', () => {
  put('proc/self/cgroup', '0::/pod/box\n');
  put('sys/fs/cgroup/pod/cpu.max', '150000 100000\n');
  put('sys/fs/cgroup/pod/box/cpu.max', 'max 100000\n');
  expect(cpuQuota(root)).toBe(1.5);
  put('sys/fs/cgroup/pod/box/cpu.max', '50000 100000\n');
  expect(cpuQuota(root)).toBe(0.5);
});

test('version 2 in a container, whose path is the one of the host', () => {
  put('proc/self/cgroup', '0::/../../system.slice/box\n');
  put('sys/fs/cgroup/cpu.max', '300000 100000\n');
  expect(cpuQuota(root)).toBe(3);
});

test('version 1: two files, and -1 for no limit', () => {
  put('proc/self/cgroup', '5:cpu,cpuacct:/box\n3:memory:/other\n0::/\n');
  put('sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us', '200000\n');
  put('sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us', '100000\n');
  expect(cpuQuota(root)).toBe(2);
  put('sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us', '-1\n');
  expect(cpuQuota(root)).toBeUndefined();
});

test('no limit, no control groups, nonsense', () => {
  expect(cpuQuota(root)).toBeUndefined();
  put('proc/self/cgroup', '0::/\n');
  put('sys/fs/cgroup/cpu.max', 'max 100000\n');
  expect(cpuQuota(root)).toBeUndefined();
  put('sys/fs/cgroup/cpu.max', '?\n');
  expect(cpuQuota(root)).toBeUndefined();
});

test('a quota is rounded down, but a run has one core at least', () => {
  const cores = os.availableParallelism();
  expect(usableCores(undefined)).toBe(cores);
  expect(usableCores(1000)).toBe(cores);
  expect(usableCores(1.9)).toBe(1);
  expect(usableCores(0.25)).toBe(1);
  expect(resolveExecution({}).threadsPerNode).toBe(usableCores());
});
