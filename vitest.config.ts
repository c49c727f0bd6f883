import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores, and the cluster suites start real servers: more forks only take turns.
    pool: 'forks',
    maxWorkers: 2,
    // As bin/headgate has it, and why.
    execArgv: ['--no-wasm-code-gc'],
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is waited for comes on an idle machine at once, and on a busy one some time.
    expect: { poll: { timeout: 20_000 } },
    reporters: ['default'],
  },
});
