/**
 * Goal: bin/headgate gives the engine what only the start of a process can set (its own comments say why).
 * Method: a real engine, and what the system says of its process.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EngineProcess } from '../e2e/engine-process.ts';
import { FileGateway } from '../engine/file-gateway.ts';

test.skipIf(process.platform !== 'linux')(
  'an engine runs with the flags and settings of its launcher',
  async () => {
    await using gateway = new FileGateway();
    const engine = new EngineProcess({ configFile: gateway.configFile, stateDir: gateway.stateDir });
    await engine.ready();
    const words = told(engine.pid, 'cmdline');
    expect(words).toEqual(expect.arrayContaining(['--no-wasm-code-gc', '--max-semi-space-size=8']));
    expect(told(engine.pid, 'environ')).toContain('MALLOC_ARENA_MAX=2');
    await engine.stop();
  },
);

function told(pid: number | undefined, what: 'cmdline' | 'environ'): string[] {
  return readFileSync(`/proc/${pid}/${what}`, 'utf8').split('\0');
}
