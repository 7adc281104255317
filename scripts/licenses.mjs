/** The licenses of packages that a bundle has taken in: they ask for a copy beside the code. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One text, of all packages that `modules` (paths of files) are of. */
export function licensesOf(modules) {
  const folders = modules.map((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
  return [...new Set(folders)]
    .filter((folder) => folder !== undefined)
    .toSorted((a, b) => a.localeCompare(b))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)/i.test(each));
      const text = file === undefined ? '' : readFileSync(path.join(folder, file), 'utf8').trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join('\n---\n\n');
}
