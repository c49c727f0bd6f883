/**
 * Goal: an edit of the configuration is taken over whole, or refused whole with its reason, and no event is lost or doubled by it.
 * Method: the whole engine in this process with its real watch; files are edited as people and editors do it.
 */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { until } from '../rig/until.ts';
import { CHANNEL, FileGateway, SINK, SOURCE, type GatewayChanges } from './file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

let gateway: FileGateway;
beforeEach(async () => {
  gateway = new FileGateway();
  await gateway.start();
});
afterEach(() => gateway[Symbol.asyncDispose]());

const withFilter = (regex: string): GatewayChanges => ({
  source: { interceptors: [{ type: 'regex_filter', regex, excludeEvents: true }] },
});
const isVersion = (version: number) => (status: EngineStatus) => status.configVersion === version;

function sinkNamed(name: string, changes: Readonly<Record<string, unknown>> = {}): GatewayChanges {
  const sink = { type: 'directory', channel: CHANNEL, path: `${gateway.output}/%{topic}`, idleTimeout: '1s' };
  return { more: { sinks: { [name]: { ...sink, ...changes } } } };
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

async function expectEachOnce(level: 'ledger' | 'deep' = 'deep'): Promise<void> {
  const { lines, audit } = await gateway.verdict(level);
  expect(lines).toEqual([...gateway.written].sort());
  expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
}

describe('an edit', () => {
  test('of rules holds from the next batch on, without a new source; an editor may replace the file', async () => {
    gateway.write(100);
    await gateway.allLanded();
    const next = join(gateway.directory, 'conf', '.headgate.yaml.swp');
    writeFileSync(next, gateway.configText(withFilter('noise')));
    renameSync(next, gateway.configFile);
    await gateway.statusIs('it is taken', isVersion(2));
    const before = gateway.written.length;
    gateway.write(50, 'noise.log');
    gateway.written.length = before;
    gateway.write(50);
    await gateway.allLanded();
    await expectEachOnce();
    expect((await gateway.status()).sources[0]?.events).toBe(200);
  });

  test('that is invalid is told with line and column and ignored; the next good one is taken', async () => {
    writeFileSync(gateway.configFile, `${gateway.configText()}nonsense: [\n`);
    const told = await gateway.statusIs('it is told', ({ configProblems }) => configProblems.length > 0);
    expect(told.configProblems[0]).toMatch(/^line \d+, column \d+: /);
    expect(told.configVersion).toBe(1);
    expect(told.alerts).toMatchObject([
      {
        code: 'config-invalid',
        place: gateway.configFile,
        hint: 'the running configuration stays; `headgate config check` lists everything',
      },
    ]);
    gateway.write(100);
    await gateway.allLanded();
    gateway.configure({ source: { batchSize: 77 } });
    const taken = await gateway.statusIs('the next is taken', isVersion(2));
    expect(taken.configProblems).toEqual([]);
    expect(taken.alerts).toMatchObject([{ code: 'config-invalid', clearedMs: expect.any(Number) as number }]);
    gateway.write(100);
    await gateway.allLanded();
    await expectEachOnce();
  });

  test('after edit, while events flow: the last one holds, and every line lands once', async () => {
    for (let i = 1; i <= 5; i++) {
      gateway.write(200);
      gateway.configure({ source: { batchSize: 10 + i }, sink: { rollCount: 100 + i } });
      await until('it was seen', () => gateway.logged('configuration applied').length >= Math.ceil(i / 2));
    }
    await until('the last one is taken', async () => {
      const { yaml } = await gateway.client.call('configShow', {});
      return yaml.includes('batchSize: 15');
    });
    await gateway.allLanded();
    await expectEachOnce();
  });

  test('with a part that can’t be made changes nothing: the old parts go on', async () => {
    gateway.configure({
      more: {
        sinks: {
          [SINK]: {
            type: 'directory',
            channel: CHANNEL,
            path: `${gateway.output}/%{topic}`,
            rollCount: 5,
          },
          far: {
            type: 'hdfs',
            channel: 'second',
            'hdfs.namenodes': ['https://nn1.test:9871'],
            'hdfs.path': '/logs',
            'hdfs.tls': { ca: join(gateway.directory, 'no-such.pem') },
          },
        },
        channels: {
          [CHANNEL]: { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 },
          second: { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 },
        },
      },
      source: { channels: [CHANNEL, 'second'] },
    });
    const told = await gateway.statusIs('it is told', ({ configProblems }) => configProblems.length > 0);
    expect(told.configProblems.join()).toMatch(/no-such\.pem: the file cannot be read: check the path/);
    expect(told.sinks.map(({ name }) => name)).toEqual([SINK]);
    gateway.write(100);
    await gateway.allLanded();
    await expectEachOnce();
  });

  test('that removes the file altogether changes nothing', async () => {
    renameSync(gateway.configFile, `${gateway.configFile}.away`);
    const told = await gateway.statusIs('it is told', ({ configProblems }) => configProblems.length > 0);
    expect(told.configProblems).toEqual([expect.stringMatching(/^the file does not exist/)]);
    renameSync(`${gateway.configFile}.away`, gateway.configFile);
    await gateway.statusIs('it is well again', ({ configProblems }) => configProblems.length === 0);
  });
});

describe('a change that would orphan chunks', () => {
  test('is refused with the reason and the way out, and taken once nothing is held', async () => {
    await gateway.client.call('pause', { by: 'test' });
    gateway.write(500);
    await gateway.statusIs('all is held', ({ channels }) => channels[0]?.events === 500);
    gateway.configure(sinkNamed('renamed'));
    const told = await gateway.statusIs('it is refused', ({ configProblems }) => configProblems.length > 0);
    expect(told.configProblems).toEqual([
      expect.stringMatching(
        /^sink out: \d+ bytes wait for it in the channel "disk"\. Keep it until .*backlog/,
      ),
    ]);
    expect(told.sinks.map(({ name }) => name)).toEqual([SINK]);
    await gateway.client.call('resume', { by: 'test' });
    await gateway.allLanded();
    gateway.configure(sinkNamed('renamed', { rollCount: 7 }));
    await gateway.statusIs('it is taken', ({ sinks }) => sinks[0]?.name === 'renamed');
    gateway.write(500);
    await gateway.allLanded();
    await expectEachOnce('ledger');
    expect(gateway.logged('configuration applied')).toHaveLength(1);
  });

  test('that comes in the middle of the flow never leaves a line behind, taken or refused', async () => {
    const rounds = ['a', 'b', 'c'];
    for (const name of rounds) {
      gateway.write(400);
      gateway.configure(sinkNamed(name));
      gateway.write(400);
      await until('it is taken or refused', async () => {
        const { configProblems, sinks } = await gateway.status();
        return configProblems.length > 0 || sinks[0]?.name === name;
      });
      gateway.write(400);
      await gateway.allLanded();
    }
    await expectEachOnce('ledger');
    const { rows } = await gateway.client.call('backlogList', {});
    expect(rows).toEqual([]);
  });

  test('a sink that comes with `paused: true` begins paused, also by an edit', async () => {
    gateway.configure({
      source: { channels: [CHANNEL, 'second'] },
      more: {
        channels: {
          [CHANNEL]: { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 },
          second: { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 },
        },
        sinks: {
          [SINK]: {
            type: 'directory',
            channel: CHANNEL,
            path: `${gateway.output}/%{topic}`,
            idleTimeout: '1s',
          },
          later: { type: 'directory', channel: 'second', path: `${gateway.directory}/later`, paused: true },
        },
      },
    });
    const { sinks } = await gateway.statusIs('it is there', (status) => status.sinks[1]?.state === 'paused');
    expect(sinks[1]).toMatchObject({ name: 'later', paused: { by: 'configuration' } });
    gateway.write(10);
    await gateway.allLanded();
    // The gateway's facts for the others go on (docs/operations.md, "A fleet"); no directory is made and no file begun.
    expect(namesIn(join(gateway.directory, 'later')).filter((name) => name !== '.headgate')).toEqual([]);
    expect((await gateway.status()).sources.map(({ name }) => name)).toEqual([SOURCE]);
  });
});
