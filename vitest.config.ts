import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { filesWithOwnProcess } from './test/setup/own-process.js';

const root = fileURLToPath(new URL('.', import.meta.url));
const ownProcess = filesWithOwnProcess(root);

export default defineConfig({
  resolve: {
    // From src/, not from dist/. A condition would reach the worker threads that tests start, and those run from dist/.
    alias: [
      { find: /^#platform\/(.*)$/, replacement: fileURLToPath(new URL('src/platform/node/$1.ts', import.meta.url)) },
    ],
  },
  test: {
    globalSetup: ['test/setup/nats-server.ts', 'test/setup/chromium.ts', 'test/setup/webgpu.ts'],
    // Shared machines differ: all tests took 632 s on one and 1,498 s on another, where a test of eleven runs needed more than 60 s.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Tests start threads of their own, too: node/threads/thread.ts says what may go wrong when they end.
    execArgv: ['--no-concurrent-recompilation'],
    // Three on two cores: many tests wait for processes, servers and browsers.
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: ownProcess, isolate: false } },
      { extends: true, test: { name: 'own process', include: ownProcess } },
    ],
  },
});
