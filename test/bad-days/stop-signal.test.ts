/**
 * Goal: SIGTERM may come at any point of the work: the process ends with status 0 and nothing is lost or doubled. Method: `headgate run`
 * as a process that sends itself SIGTERM at a named point and works on; one start a point, always on the same state directory, with
 * new lines each time; the last start lands the rest and the deep audit judges. (Points of Kafka's side: test/crash.)
 */
import { afterAll, describe, expect, test, vi } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../main/telemetry/crash-point.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { FileGateway } from '../engine/file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

/** The points that a source of files and a sink to a directory pass on a good day. */
const POINTS = CRASH_POINTS.filter((point) => /^(put|accept|plan|land)\./.test(point));
/** Chains run beside each other: a start is mostly waiting. */
const CHAINS: readonly (readonly CrashPoint[])[] = [0, 1, 2].map((chain) =>
  POINTS.filter((_, index) => index % 3 === chain),
);

describe.concurrent('SIGTERM at every point', () => {
  const gateways: FileGateway[] = [];
  afterAll(async () => {
    for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
  });

  test.each(CHAINS.map((points) => [points.join(', '), points] as const))('%s', async (_name, points) => {
    const gateway = new FileGateway({ source: { batchSize: 50 }, sink: { idleTimeout: '50ms' } });
    gateways.push(gateway);
    for (const point of points) {
      gateway.write(200);
      const engine = new EngineProcess({
        configFile: gateway.configFile,
        stateDir: gateway.stateDir,
        environment: { HEADGATE_STOP_AT: point },
      });
      const end = await engine.end();
      expect({ point, ...end }, engine.tail).toEqual({ point, code: 0, signal: null });
      expect(engine.lines.some((line) => line.includes('engine stopped'))).toBe(true);
    }
    await gateway.start();
    await gateway.allLanded();
    const { lines, audit } = await gateway.verdict();
    expect(lines).toEqual([...gateway.written].sort());
    expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
  });
});
