/** Builds the page of nodes in browsers (web/node/): the page, its host worker, and the worker that computes. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';
import { buildId } from './scripts/build-id.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

export default defineConfig({
  base: './',
  // What a page computes with, whoever serves it (web/node/program.ts).
  define: { PFF_PROGRAM: JSON.stringify(`${version}+${buildId(root)}`) },
  resolve: { conditions: ['pff-source', ...defaultClientConditions] },
  build: {
    outDir: 'dist/page/node',
    emptyOutDir: true,
    target: 'es2023',
    minify: true,
    copyPublicDir: false,
    modulePreload: false,
    rolldownOptions: {
      input: {
        page: 'web/node/main.ts',
        'host-worker': 'web/node/host-worker.ts',
        'task-worker': 'web/node/task-worker.ts',
      },
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name].js',
        assetFileNames: '[name][extname]',
      },
    },
  },
  logLevel: 'warn',
});
