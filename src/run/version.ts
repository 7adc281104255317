/** The program's version, as the nearest package.json above this file says it. */
import { existsSync, readFileSync } from 'node:fs';

function manifest(): { version: string } {
  // Built files lie in dist/, and for benches one folder deeper.
  const places = ['../../package.json', '../../../package.json'].map((place) => new URL(place, import.meta.url));
  const found = places.find((place) => existsSync(place)) ?? new URL('../../package.json', import.meta.url);
  return JSON.parse(readFileSync(found, 'utf8')) as { version: string };
}

export const VERSION = manifest().version;
