/** The browser that tests of the page need; installed once before all test files, as nats-server is. */
import { program } from './debian-package.js';

export function chromiumFile(): string {
  const places = [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/opt/homebrew/bin/chromium',
  ];
  return program('chromium', places, 'Chromium');
}

export default function setup(): void {
  chromiumFile();
}
