/**
 * SIGHUP: a terminal was closed. Whether it concerns this process cannot be asked: Node.js resets the signals that its parent had told
 * it to ignore (nohup does so) before any of our code runs. So it is told from what a process that shall outlive a terminal has.
 */
import { fstatSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What the answer depends on; a test gives its own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the parent ignores SIGHUP: a script that was started by nohup. */
  readonly parentIgnores: boolean;
  /** Standard output and error go into files or devices that are no terminals: nobody sits there or reads on. */
  readonly writesToFiles: boolean;
}

/** True under nohup, in a service of systemd, and where all output goes into files. */
export function outlivesTerminal({ env, parentIgnores, writesToFiles }: Surroundings = look()): boolean {
  // Shells leave here what they started.
  const startedBy = path.basename(env['_'] ?? '');
  return startedBy === 'nohup' || env['INVOCATION_ID'] !== undefined || parentIgnores || writesToFiles;
}

function look(): Surroundings {
  return { env: process.env, parentIgnores: parentIgnoresHangup(), writesToFiles: [1, 2].every(isFile) };
}

function isFile(handle: number): boolean {
  try {
    const found = fstatSync(handle);
    return found.isFile() || (found.isCharacterDevice() && !(handle === 1 ? process.stdout : process.stderr).isTTY);
  } catch {
    return false;
  }
}

/** Linux only; false where it cannot be known. */
function parentIgnoresHangup(): boolean {
  try {
    const [, mask = '0'] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${process.ppid}/status`, 'utf8')) ?? [];
    // SIGHUP is signal 1, the lowest bit.
    return (Number.parseInt(mask.slice(-1), 16) & 1) === 1;
  } catch {
    return false;
  }
}
