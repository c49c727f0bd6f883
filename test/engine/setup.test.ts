/**
 * Goal: an engine without a configuration offers just what a first one takes, and becomes the engine of that configuration in its place.
 * Method: the first run in this process, clients on its socket; files that other people make meanwhile; configurations that can't start.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ControlClient } from '../../main/control/control-client.ts';
import type { RunningEngine } from '../../main/engine/engine.ts';
import { startFirstRun } from '../../main/engine/setup/first-run.ts';
import { gatewayIdOf, loopbackAddress, templateText } from '../../main/engine/setup/setup-template.ts';
import { createLogger } from '../../main/telemetry/logger.ts';
import { procedures, type ProcedureName } from '../../shared/contract/control.ts';
import { until } from '../rig/until.ts';
import { FileGateway, HURRIED_CLOCK } from './file-gateway.ts';

vi.setConfig({ testTimeout: 120_000 });

let gateway: FileGateway;
let engine: RunningEngine;
let configFile: string;
beforeEach(async () => {
  gateway = new FileGateway();
  configFile = join(gateway.directory, 'a', 'new', 'headgate.yaml');
  engine = await start(gateway.stateDir);
});
afterEach(async () => {
  await engine.stop(0);
  await gateway[Symbol.asyncDispose]();
});

function start(stateDir: string): Promise<RunningEngine> {
  const log = createLogger({ level: 'error', nowMs: () => HURRIED_CLOCK.nowMs() });
  return startFirstRun({ configFile, stateDir, console: undefined, log, clock: HURRIED_CLOCK });
}

const client = (): ControlClient => new ControlClient(engine.socketPath);
const apply = (text: string, baseSha256 = '') =>
  client().call('configApply', { text, baseSha256, by: 'wizard', note: 'first run' });

/** While setup and engine change places nobody answers for a moment. */
function runs(): Promise<boolean> {
  return until('the engine runs', async () => {
    try {
      return (await client().call('status', {})).state === 'running';
    } catch {
      return false;
    }
  });
}

const ANSWERED: readonly ProcedureName[] = [
  'status',
  'configText',
  'configCheck',
  'configApply',
  'whatIfStart',
  'whatIfResult',
  'kafkaTopics',
  'kafkaSample',
  'doctorStart',
  'doctorResult',
  'jobs',
  'jobCancel',
  'jobFile',
  'stop',
];
/** The least that each call takes. */
const LEAST: Partial<Record<ProcedureName, unknown>> = {
  pause: { by: 'x' },
  resume: { by: 'x' },
  backlogChunks: { landingKeyId: 1 },
  backlogPeek: { landingKeyId: 1 },
  backlogExport: { landingKeyId: 1 },
  backlogExportStart: { landingKeyIds: [1], by: 'x' },
  landingRelease: { fileId: 'x', by: 'x' },
  auditStart: { level: 'ledger' },
  auditReport: { id: 'x' },
  auditCancel: { id: 'x' },
  quarantineShow: { id: 1 },
  quarantineRetry: { selection: { all: true }, by: 'x' },
  quarantineDrop: { selection: { all: true }, by: 'x', why: 'x' },
  configDiff: { from: { kind: 'running' }, to: { kind: 'file' } },
  configRollback: { number: 1, baseSha256: '', by: 'x' },
  supportBundleStart: { by: 'x' },
  history: { fromMs: 0, toMs: 1 },
  fleetAuditStart: { level: 'tenures', by: 'x' },
  fleetAuditResult: { jobId: 'x' },
  channelCheckStart: { by: 'x' },
  channelCheckResult: { jobId: 'x' },
  channelRepairStart: { by: 'x' },
  channelRepairResult: { jobId: 'x' },
  channelExportStart: { to: '/x', by: 'x' },
  channelExportResult: { jobId: 'x' },
  channelSkip: { segment: { chunkId: 1 }, by: 'x', why: 'x' },
  replayStart: { topic: 'x', from: '0', to: '1', into: '/x', by: 'x' },
  replayFiles: { id: 'x' },
  retireStart: { by: 'x' },
  retireUndo: { by: 'x' },
};

describe('before there is a configuration', () => {
  test('the status says setup, and every call but those of the wizard says what is needed', async () => {
    expect(await client().call('status', {})).toMatchObject({
      state: 'setup',
      sources: [],
      sinks: [],
      configFile,
    });
    const silent: string[] = [];
    for (const name of Object.keys(procedures) as ProcedureName[]) {
      if (ANSWERED.includes(name)) continue;
      const call = client().call(name, LEAST[name] ?? {});
      await call.then(
        () => silent.push(name),
        (error: unknown) => expect(error, name).toMatchObject({ code: 'setup-needed' }),
      );
    }
    expect(silent).toEqual([]);
    expect(await client().call('jobs', {})).toEqual({ jobs: [] });
  });

  test('there is a template to begin with; what is typed is checked', async () => {
    const { text, sha256, isRunning } = await client().call('configText', {});
    expect({ sha256, isRunning }).toEqual({ sha256: '', isRunning: false });
    expect(text).toContain(`stateDir: ${JSON.stringify(gateway.stateDir)}`);
    const { problems } = await client().call('configCheck', { text: `${text}nonsense: 1\n` });
    expect(problems).toContainEqual(
      expect.objectContaining({ line: text.split('\n').length, column: 1, severity: 'error' }),
    );
    await expect(apply(`${text}nonsense: 1\n`)).rejects.toMatchObject({ code: 'config-invalid' });
    expect(existsSync(configFile)).toBe(false);
  });
});

describe('the first configuration', () => {
  test('makes the file for our user only, and the same process goes on as its engine', async () => {
    const text = gateway.configText();
    const applied = await apply(text);
    expect(applied).toMatchObject({ version: 1, change: { notes: [], isEmpty: false } });
    await runs();
    expect(readFileSync(configFile, 'utf8')).toBe(text);
    expect(statSync(configFile).mode & 0o777).toBe(0o600);
    const { versions } = await client().call('configHistory', {});
    expect(versions).toMatchObject([{ number: 1, by: 'wizard', note: 'first run', isRunning: true }]);
    gateway.write(100);
    await until('it lands', async () => {
      await client().call('landNow', {});
      return (await gateway.landed()).length === 100;
    });
  });

  test('of two at once one is taken, the other told', async () => {
    const outcomes = await Promise.allSettled([apply(gateway.configText()), apply(gateway.configText())]);
    const told = outcomes.filter(({ status }) => status === 'rejected');
    expect(told).toMatchObject([{ reason: { code: 'config-conflict' } }]);
    await runs();
  });

  test('does not write over a file that somebody made meanwhile', async () => {
    mkdirSync(join(gateway.directory, 'a', 'new'), { recursive: true });
    writeFileSync(configFile, '# mine\n');
    await expect(apply(gateway.configText())).rejects.toMatchObject({ code: 'config-conflict' });
    expect(readFileSync(configFile, 'utf8')).toBe('# mine\n');
    const { sha256, text } = await client().call('configText', {});
    expect(text).toBe('# mine\n');
    await apply(gateway.configText(), sha256);
    await runs();
  });

  test('with a state directory of its own is found in both places', async () => {
    const own = join(gateway.directory, 'own');
    const { change } = await apply(gateway.configText({ gateway: { stateDir: own } }));
    expect(change.notes).toEqual([expect.stringContaining(own)]);
    await runs();
    const { stateDir } = await new ControlClient(join(own, 'control.sock')).call('status', {});
    expect(stateDir).toBe(own);
    expect((await client().call('status', {})).stateDir).toBe(own);
  });

  test('with a state directory that can’t be had changes nothing', async () => {
    writeFileSync(join(gateway.directory, 'a-file'), '');
    const stateDir = join(gateway.directory, 'a-file', 'state');
    await expect(apply(gateway.configText({ gateway: { stateDir } }))).rejects.toMatchObject({
      code: 'state-dir-unusable',
    });
    expect(existsSync(configFile)).toBe(false);
  });

  test('that can’t start brings the setup back with the reason, and the file can be mended', async () => {
    const squatter = await listening();
    const { port } = squatter.address() as { port: number };
    await apply(gateway.configText({ more: { metrics: { listen: `127.0.0.1:${port}` } } }));
    const told = await until('the setup is back', async () => {
      try {
        const status = await client().call('status', {});
        return status.configProblems.length > 0 ? status : undefined;
      } catch {
        return undefined;
      }
    });
    expect(told).toMatchObject({ state: 'setup', configProblems: [expect.stringContaining(String(port))] });
    squatter.close();
    const { sha256 } = await client().call('configText', {});
    await apply(gateway.configText(), sha256);
    await runs();
  });
});

test('a stop before there is a configuration ends it', async () => {
  await client().call('stop', {});
  expect(await engine.ended).toBeUndefined();
  rmSync(configFile, { force: true });
});

test('who follows the stream sees the setup, and after it the engine', async () => {
  const states: string[] = [];
  const follow = async (): Promise<void> => {
    const limit = new AbortController();
    for await (const event of client().events(limit.signal)) {
      if (event.type !== 'status') continue;
      states.push(event.status.state);
      if (event.status.state === 'setup' && states.length === 1) await apply(gateway.configText());
      if (event.status.state === 'running') return limit.abort();
    }
  };
  await until('it runs', async () => {
    try {
      await follow();
    } catch {
      return false;
    }
    return states.at(-1) === 'running';
  });
  expect(states[0]).toBe('setup');
});

describe('the template', () => {
  test.each([
    ['GW-7.site.example', 'gw-7'],
    ['网关', 'gateway'],
    ['17', 'gateway-17'],
    ['a'.repeat(60), 'a'.repeat(32)],
  ])('names the gateway after the machine: %s', (hostName, id) => {
    expect(gatewayIdOf(hostName)).toBe(id);
    expect(templateText({ hostName, timeZone: 'UTC', stateDir: undefined, console: undefined })).toContain(
      `id: ${id}\n`,
    );
  });

  test('a console before there is a configuration is for this machine only', () => {
    expect(loopbackAddress('127.0.0.1:8642')).toEqual({ host: '127.0.0.1', port: 8642 });
    for (const address of ['0.0.0.0:8642', '10.0.0.1:8642', 'nonsense'])
      expect(() => loopbackAddress(address)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

function listening(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
