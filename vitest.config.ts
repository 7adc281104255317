import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup/nats-server.ts', 'test/setup/chromium.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Tests start threads of their own, too: node/thread.ts says what may go wrong when they end.
    execArgv: ['--no-concurrent-recompilation'],
    maxWorkers: 2,
  },
});
