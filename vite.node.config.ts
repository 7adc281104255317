/** Builds the page of nodes in browsers (web/node/): the page, its host worker, and the worker that computes. */
import { defaultClientConditions, defineConfig } from 'vite';

export default defineConfig({
  base: './',
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
