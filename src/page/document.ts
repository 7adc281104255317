/** The page's HTML: for the server, with scripts of its own, and for a report, with everything in one file. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../errors.js';
import { PACKAGE_FOLDER } from '../package-folder.js';
import type { PageEvent } from './page-event.js';

export interface PageFiles {
  readonly script: string;
  readonly style: string;
}

/** What `npm run build` made of web/. @throws PffError `files` */
export function pageFiles(): PageFiles {
  const read = (name: string): string => {
    const file = path.join(PACKAGE_FOLDER, 'dist/page/assets', name);
    if (existsSync(file)) return readFileSync(file, 'utf8');
    throw new PffError('files', `the page's ${name} has not been built`, { hint: 'Run npm run build.' });
  };
  return { script: read('page.js'), style: read('page.css') };
}

/** What `npm run build` made of web/node/ for nodes in browsers, by name. @throws PffError `files` */
export function nodePageFiles(): Map<string, { readonly type: string; readonly body: Uint8Array<ArrayBuffer> }> {
  const folder = path.join(PACKAGE_FOLDER, 'dist/page/node');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => TYPES[path.extname(name)]) : [];
  if (!names.includes('page.js'))
    throw new PffError('files', 'the page of nodes in browsers has not been built', { hint: 'Run npm run build.' });
  return new Map(
    names.map((name) => [
      name,
      { type: TYPES[path.extname(name)] as string, body: new Uint8Array(readFileSync(path.join(folder, name))) },
    ]),
  );
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** May be used by the server's own pages only: nothing from elsewhere, no inline script. */
export const SERVER_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Which page the script draws: of one run, of many, or of one of many. */
export type PageKind = 'run' | 'runs' | 'run-of-many';

export function serverDocument(kind: PageKind = 'run'): string {
  return documentOf({
    head: '<link rel="stylesheet" href="page.css"><script type="module" src="page.js"></script>',
    body: '',
    kind,
  });
}

/** The page of a node in a browser: nothing that it shows is in the document. */
export function nodeDocument(): string {
  return documentOf({
    head: '<link rel="stylesheet" href="node/page.css"><script type="module" src="node/page.js"></script>',
    body: '',
  });
}

/** One file with everything: `runs` are the events of each run. */
export function reportDocument({ script, style }: PageFiles, runs: readonly (readonly PageEvent[])[]): string {
  // Neither may end the element that it stands in.
  const code = script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
  const css = style.replaceAll('</style', '<\\/style');
  const data = JSON.stringify(runs).replaceAll('<', '\\u003c');
  const policy = `default-src 'none'; script-src ${hashOf(code)}; style-src ${hashOf(css)}; img-src data:; base-uri 'none'; form-action 'none'`;
  return documentOf({
    head: `<meta http-equiv="Content-Security-Policy" content="${policy}"><style>${css}</style>`,
    body: `<script type="application/json" id="runs">${data}</script><script type="module">${code}</script>`,
  });
}

function documentOf({
  head,
  body,
  kind = 'run',
}: {
  readonly head: string;
  readonly body: string;
  readonly kind?: PageKind;
}): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pff</title>
<link rel="icon" href="data:,">
${head}
</head>
<body>
<div id="page"${kind === 'run' ? '' : ` data-kind="${kind}"`}></div>
<noscript>This page draws its figures with JavaScript, which is switched off.</noscript>
${body}
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
