/** Programs that tests and benches need and Debian packages: found, or installed where that is allowed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/**
 * The first of `places` that is there; else Debian's package `name` is installed (as root only).
 * @throws Error that says what is missing, and how to get it
 */
export function program(name: string, places: readonly string[], needed: string): string {
  const found = (): string | undefined => places.find((file) => existsSync(file));
  if (!found() && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const apt = (...args: string[]) =>
      spawnSync('apt-get', args, { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    if (apt('install', '-y', '--no-install-recommends', name).status !== 0) {
      apt('update');
      apt('install', '-y', '--no-install-recommends', name);
    }
  }
  const file = found();
  if (!file) throw new Error(`these tests need ${needed}: apt-get install ${name}`);
  return file;
}
