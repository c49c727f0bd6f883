/**
 * Goal: a directory is marked once, with the right counts, wherever the engine dies on the way: before and after it was decided, with the marker
 * written under its hidden name, and with its final name taken and not yet booked.
 * Method: a real engine process on files and a directory, killed (SIGKILL) at each point, and started again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileGateway } from '../engine/file-gateway.ts';
import { until } from '../rig/until.ts';
import { pointsOf } from './coverage.ts';

const PROGRAM = join(import.meta.dirname, 'hurried-engine.ts');
const CASE_LIMIT_MS = 300_000;
const EVENTS = 25;

function configured(): FileGateway {
  const gateway = new FileGateway();
  const serializers = [{ type: 'millis', name: 'timestamp', pattern: "yyyy-MM-dd'T'HH:mm:ssZ" }];
  gateway.configure({
    source: { interceptors: [{ type: 'regex_extractor', regex: '^(\\S+) ', serializers }] },
    sink: {
      path: `${gateway.output}/%Y-%m-%d/%H`,
      completeness: { marker: '_SUCCESS', grace: '0s' },
      idleTimeout: '100ms',
    },
  });
  return gateway;
}

function write(gateway: FileGateway, clock: string, count: number): void {
  const lines = Array.from({ length: count }, (_, at) => `2026-11-20T${clock}:00+0000 ${clock} ${at}`);
  gateway.written.push(...lines);
  appendFileSync(join(gateway.input, 'www.log'), lines.map((line) => `${line}\n`).join(''));
}

test.concurrent.each(pointsOf('test/crash/completeness-crash.test.ts'))(
  'a directory is marked once, also when the engine dies at %s',
  async (point) => {
    await using gateway = configured();
    write(gateway, '08:10', EVENTS);
    write(gateway, '10:00', 1);
    const dying = spawn(process.execPath, [PROGRAM, gateway.configFile], {
      env: { ...process.env, HEADGATE_CRASH_AT: point },
      stdio: 'ignore',
      timeout: CASE_LIMIT_MS / 2,
      killSignal: 'SIGTERM',
    });
    const [, signal] = (await once(dying, 'close')) as [number | null, NodeJS.Signals | null];
    expect(signal, 'it was killed at the point').toBe('SIGKILL');

    await gateway.start();
    const folder = join(gateway.output, '2026-11-20', '08');
    await until('the hour is marked, and nothing else is under way', () => {
      const names = readdirSync(folder).filter((name) => name.includes('_SUCCESS'));
      return names.length === 1 && names[0] === '_SUCCESS';
    });
    const marker = JSON.parse(readFileSync(join(folder, '_SUCCESS'), 'utf8')) as unknown;
    expect(marker).toMatchObject({ revision: 1, events: EVENTS, partitionCount: 1 });
    await gateway.allLanded();
    const { lines, audit } = await gateway.verdict();
    expect(lines).toEqual([...gateway.written].sort());
    expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
    expect(readdirSync(folder).filter((name) => name.includes('_SUCCESS'))).toEqual(['_SUCCESS']);
  },
  CASE_LIMIT_MS,
);
