/** How many cores a run may use: those of the machine, or what a container's CPU quota leaves of them. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Cores that this process may keep busy; at least 1. */
export function usableCores(quota = cpuQuota()): number {
  const cores = os.availableParallelism();
  // Rounded down: threads that wait for each other all stop when the quota of one period is used up.
  return quota === undefined ? cores : Math.max(1, Math.min(cores, Math.floor(quota)));
}

/**
 * Cores' worth of time that control groups allow, such as 1.5; undefined where there is no limit, or no Linux.
 * @param root for tests: what stands before /proc and /sys.
 */
export function cpuQuota(root = '/'): number | undefined {
  const groups = read(path.join(root, 'proc/self/cgroup')) ?? '';
  const quotas: number[] = [];
  for (const line of groups.split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) continue;
    const version2 = controllers === '';
    if (!version2 && !controllers.split(',').includes('cpu')) continue;
    const mount = path.join(root, 'sys/fs/cgroup', version2 ? '' : controllers);
    // A limit of any group above counts as well. In a container the path may be the host's, and only the mount is there.
    for (let at = path.join('/', group); ; at = path.dirname(at)) {
      const quota = quotaOf(path.join(mount, at), version2);
      if (quota !== undefined) quotas.push(quota);
      if (at === '/') break;
    }
  }
  return quotas.length > 0 ? Math.min(...quotas) : undefined;
}

/** Version 2 has `QUOTA PERIOD` or `max PERIOD` in one file, version 1 two files and -1 for no limit. */
function quotaOf(folder: string, version2: boolean): number | undefined {
  const text = version2
    ? read(path.join(folder, 'cpu.max'))
    : `${read(path.join(folder, 'cpu.cfs_quota_us'))?.trim()} ${read(path.join(folder, 'cpu.cfs_period_us'))?.trim()}`;
  const [quota, period] = (text ?? '').trim().split(' ').map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
