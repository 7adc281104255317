/** A script of tests in a real browser: bundled by Vite as a page would have it, and served in two pages. */
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build, defaultClientConditions } from 'vite';
import { expect } from 'vitest';

/** An entry of this folder and all that it imports as one script, minified. */
export async function bundled(entry: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['pff-source', ...defaultClientConditions] },
    build: {
      write: false,
      target: 'es2023',
      lib: { entry: fileURLToPath(new URL(entry, import.meta.url)), formats: ['es'], fileName: 'entry' },
    },
  });
  const [output] = [built].flat();
  if (!output || !('output' in output)) throw new Error('Vite gave no bundle');
  const chunks = output.output.flatMap((each) => (each.type === 'chunk' ? [each] : []));
  expect(chunks.flatMap(({ imports }) => imports)).toEqual([]);
  expect(chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => /external|platform\/node/.test(id))).toEqual([]);
  return chunks.map(({ code }) => code).join('\n');
}

/** Two pages with the script: /isolated may share memory, /plain may not. */
export async function served(script: string): Promise<Server> {
  const pages = createServer(({ url }, response) => {
    if (url === '/entry.js') response.setHeader('content-type', 'text/javascript').end(script);
    else if (url === '/favicon.ico') response.writeHead(204).end();
    else {
      response.setHeader('content-type', 'text/html');
      if (url === '/isolated') {
        response.setHeader('cross-origin-opener-policy', 'same-origin');
        response.setHeader('cross-origin-embedder-policy', 'require-corp');
      }
      response.end('<!doctype html><title>core</title><script type="module" src="/entry.js"></script>');
    }
  });
  await new Promise<void>((resolve) => {
    pages.listen(0, '127.0.0.1', resolve);
  });
  return pages;
}
