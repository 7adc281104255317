/**
 * The server that cluster tests need. vitest calls the default export once before all test files (two of them installing a
 * package at the same time would be in each other's way).
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Finds nats-server, or installs Debian's package where that is allowed. */
export function natsServer(): string {
  const found = (): string | undefined =>
    [
      '/usr/sbin/nats-server',
      '/usr/bin/nats-server',
      '/usr/local/bin/nats-server',
      '/opt/homebrew/bin/nats-server',
    ].find((file) => existsSync(file));
  if (!found() && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const apt = (...args: string[]) =>
      spawnSync('apt-get', args, { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    if (apt('install', '-y', 'nats-server').status !== 0) {
      apt('update');
      apt('install', '-y', 'nats-server');
    }
  }
  const file = found();
  if (!file) throw new Error('these tests need nats-server (2.9 or newer): apt-get install nats-server');
  return file;
}

export default function setup(): void {
  natsServer();
}
