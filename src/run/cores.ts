/** How many cores this process may use: those of the machine, less where a container's quota (cgroup, Linux) allows less. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * Whole cores, at least 1. A quota is rounded down, as libuv does from 1.49 on: so no thread is held back in the middle of a batch.
 * @param root where `proc` and `sys` lie; a test has its own.
 */
export function usableCores(root = '/'): number {
  const cores = os.availableParallelism();
  if (process.platform !== 'linux') return cores;
  return Math.max(1, Math.min(cores, Math.floor(cpuQuota(root))));
}

/** What control groups allow, in cores, as a fraction; infinite where nothing limits them, and where there are none. */
export function cpuQuota(root = '/'): number {
  const lines = read(path.join(root, 'proc/self/cgroup'))?.split('\n') ?? [];
  const limits = lines.flatMap((line) => {
    const [, controllers = '', group = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const base = path.join(root, 'sys/fs/cgroup');
    // Version 2 has one hierarchy without names; of version 1 the one of the controller cpu counts.
    if (controllers === '') return upwards(group).map((folder) => quotaOf2(path.join(base, folder)));
    if (!controllers.split(',').includes('cpu')) return [];
    return ['cpu', controllers].flatMap((name) =>
      upwards(group).map((folder) => quotaOf1(path.join(base, name, folder))),
    );
  });
  return Math.min(Number.POSITIVE_INFINITY, ...limits);
}

/** The group and all above it; in a container the path may be the host's, of which only the end of the way is there. */
function upwards(group: string): string[] {
  const parent = path.dirname(group);
  return parent === group ? [group] : [group, ...upwards(parent)];
}

function quotaOf2(folder: string): number {
  return share(read(path.join(folder, 'cpu.max'))?.trim().split(' '));
}

function quotaOf1(folder: string): number {
  const [quotaUs, periodUs] = ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => read(path.join(folder, name)));
  return quotaUs === undefined || periodUs === undefined ? Number.POSITIVE_INFINITY : share([quotaUs, periodUs]);
}

/** `max` and -1 are no limit. */
function share([quotaUs = 'max', periodUs = '']: readonly string[] = []): number {
  const cores = Number(quotaUs) / Number(periodUs);
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
