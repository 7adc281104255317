/** The nats-server of this machine, which a cluster needs one of somewhere: where it lies, and whether it is new enough. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { MachineReport } from './machine-report.js';

/** What the store needs (docs/CLUSTER.md). */
export const LEAST_SERVER = [2, 9] as const;
/** Often not on the PATH of users. */
const USUAL_PLACES = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];
const PATIENCE_MS = 3000;

/** @param folders where to look; by default PATH, then the usual places. */
export async function findNatsServer(folders: readonly string[] = defaultFolders()): Promise<MachineReport['server']> {
  const name = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';
  for (const folder of folders) {
    const file = path.join(folder, name);
    try {
      await access(file, constants.X_OK);
      const { stdout, stderr } = await promisify(execFile)(file, ['--version'], { timeout: PATIENCE_MS });
      const version = /v?(\d+\.\d+\.\d+\S*)/.exec(stdout + stderr)?.[1];
      // Something of that name that is no server does not count.
      if (version !== undefined) return { path: file, version, fit: isFit(version) };
    } catch {
      // Not there, or it cannot be run: the next place.
    }
  }
  return null;
}

function isFit(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > LEAST_SERVER[0] || (major === LEAST_SERVER[0] && minor >= LEAST_SERVER[1]);
}

function defaultFolders(): string[] {
  return [...(process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== ''), ...USUAL_PLACES];
}
