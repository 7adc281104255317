/**
 * The server that cluster tests need. vitest calls the default export once before all test files (two of them installing a
 * package at the same time would be in each other's way).
 */
import { program } from '../../tools/debian-package.js';

export function natsServer(): string {
  const places = ['/usr/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'].map(
    (folder) => `${folder}/nats-server`,
  );
  return program('nats-server', places, 'nats-server (2.9 or newer)');
}

export default function setup(): void {
  natsServer();
}
