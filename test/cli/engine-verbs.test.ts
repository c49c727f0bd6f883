/**
 * Goal: an operator sees and steers a running engine from the shell: status, the write switch, backlog, landings, audit,
 * quarantine, configuration; as text and as JSON of the contract's shape; and what events contain can't touch the terminal.
 * Method: a real engine process on files and a directory, paused at its first start; the tests follow one another as an
 * operator's shift would.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { procedures, streamEvent, type Output, type ProcedureName } from '../../shared/contract/control.ts';
import type { EngineProcess } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { headgate, HeadgateProcess, type Outcome } from './command-line.ts';
import {
  accessLine,
  appendLines,
  FILE_SECRET,
  HOSTILE,
  LITERAL_SECRET,
  makeSite,
  removeSite,
  startEngineOf,
  type Site,
} from './site.ts';

const WWW_EVENTS = 30;
const ORDER_EVENTS = 5;
/** Of those of www. */
const UNREADABLE_EVENTS = 2;

let site: Site;
let engine: EngineProcess;

beforeAll(async () => {
  site = await makeSite();
  const www = Array.from({ length: WWW_EVENTS - UNREADABLE_EVENTS }, (_, id) =>
    accessLine(id, 8, id === 0 ? HOSTILE : 'test'),
  );
  const unreadable = [accessLine(98, 99, HOSTILE), accessLine(99, 99)];
  await appendLines(site, 'www', [...www, ...unreadable]);
  await appendLines(
    site,
    'order',
    Array.from({ length: ORDER_EVENTS }, (_, id) => accessLine(id, 9)),
  );
  engine = await startEngineOf(site);
  await until('everything is taken', async () => {
    const { sources } = await engine.client.call('status', {});
    return sources.find(({ name }) => name === 'lines')?.events === WWW_EVENTS + ORDER_EVENTS;
  });
});

afterAll(async () => {
  await engine.kill();
  await removeSite(site);
});

/** The verb on this site's engine. */
function ask(...argv: string[]): Promise<Outcome> {
  return headgate(...argv, '-d', site.stateDir);
}

/** The verb's JSON, which must have the shape that the contract gives the procedure behind it. */
async function askJson<Name extends ProcedureName>(name: Name, ...argv: string[]): Promise<Output<Name>> {
  const { status, stdout, stderr } = await ask(...argv, '--json');
  expect({ status, stderr }, stderr).toEqual({ status: 0, stderr: '' });
  const value: unknown = JSON.parse(stdout);
  const parsed = procedures[name].output.parse(value);
  // Nothing is added to the contract's shape either.
  expect(parsed).toEqual(value);
  return parsed as Output<Name>;
}

async function text(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await ask(...argv);
  expect({ status, stderr }, stderr).toEqual({ status: 0, stderr: '' });
  expectNoEscapes(stdout);
  return stdout;
}

function expectNoEscapes(shown: string): void {
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
}

async function firstKey(topic: string): Promise<string> {
  const { rows } = await askJson('backlogList', 'backlog', '--topic', topic);
  return String(rows[0]?.id);
}

describe('status', () => {
  test('tells what flows, what waits and why', async () => {
    const shown = await text('status');
    expect(shown).toContain('gateway cli-test  running');
    expect(shown).toMatch(/source lines \(files\) {2}(flowing|idle)/);
    expect(shown).toContain(`taken ${WWW_EVENTS + ORDER_EVENTS} events`);
    expect(shown).toContain(`backlog ${WWW_EVENTS + ORDER_EVENTS - UNREADABLE_EVENTS} events`);
    expect(shown).toContain(`${UNREADABLE_EVENTS} events in quarantine`);
    expect(shown).toMatch(
      /writing paused by configuration at .*: paused: true at the first start; intake goes on/,
    );
  });

  test('names the broker that does not answer, and the next try', async () => {
    await until('the Kafka source has given up once', async () =>
      (await text('status')).includes('because:'),
    );
    const shown = await text('status');
    expect(shown).toMatch(/source remote \(kafka\) {2}(waiting|starting)/);
    expect(shown).toMatch(/because: .*127\.0\.0\.1:1/);
    expect(shown).toContain('what to do:');
  });

  test('is the contract’s status as JSON, also by --config', async () => {
    expect((await askJson('status', 'status')).gateway).toBe('cli-test');
    const byConfig = await headgate('status', '--json', '-c', site.configFile);
    expect(byConfig.status).toBe(0);
    expect(JSON.parse(byConfig.stdout)).toMatchObject({ stateDir: site.stateDir });
  });

  test('--watch goes on until Ctrl-C and then ends well', async () => {
    const watch = new HeadgateProcess(['status', '--watch', '--json', '-d', site.stateDir]);
    await until('two looks', () => watch.stdout.split('\n').length > 2);
    watch.signal('SIGINT');
    const { status, stdout, stderr } = await watch.ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const line of stdout.trim().split('\n')) {
      expect(streamEvent.parse({ type: 'status', status: JSON.parse(line) as unknown }).type).toBe('status');
    }
  });
});

describe('backlog', () => {
  test('lists what waits by directory, with its totals', async () => {
    const { rows, totalEvents } = await askJson('backlogList', 'backlog');
    expect(rows).toHaveLength(2);
    expect(totalEvents).toBe(WWW_EVENTS + ORDER_EVENTS - UNREADABLE_EVENTS);
    const shown = await text('backlog', 'list');
    expect(shown).toContain('/www/2026-11-21/08/www');
    expect(shown).toContain('/order/2026-11-21/09/order');
    expect(shown).toContain('33 events');
    expect(await text('backlog', '--limit', '1')).toContain('more: --after');
  });

  test('peek shows events and neutralises what would move the cursor', async () => {
    const key = await firstKey('www');
    const { events } = await askJson('backlogPeek', 'backlog', 'peek', key, '-n', '3');
    expect(events.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    const shown = await text('backlog', 'peek', key, '-n', '1');
    expect(shown).toContain('@0  10.0.0.1');
    expect(shown).toContain(String.raw`\x1b[2J\x1b]0;owned\x07\u202eevil\x0d`);
    expect(await text('backlog', 'peek', '999')).toContain('nothing waits there');
  });

  test('export copies the bytes as they would land, and takes nothing', async () => {
    const file = join(site.directory, 'exported.log');
    const key = await firstKey('www');
    expect(await text('backlog', 'export', key, file)).toContain('28 events');
    const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
    expect(lines).toHaveLength(WWW_EVENTS - UNREADABLE_EVENTS);
    expect(`${lines[0]}\n`).toBe(accessLine(0, 8, HOSTILE));
    expect((await askJson('backlogList', 'backlog', '--topic', 'www')).totalEvents).toBe(28);
    const again = await ask('backlog', 'export', key, file);
    expect(again.status).toBe(2);
    expect(again.stderr).toContain('EEXIST');
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(29);
  });
});

describe('quarantine', () => {
  test('lists events with their reason, and shows one whole', async () => {
    const { rows, total } = await askJson('quarantineList', 'quarantine');
    expect(total).toBe(UNREADABLE_EVENTS);
    const shown = await text('quarantine', 'list');
    expect(shown).toContain('no time of the pattern');
    const hostile = rows.find(({ offset }) => offset === WWW_EVENTS - UNREADABLE_EVENTS);
    const id = String(hostile?.id);
    const one = await text('quarantine', 'show', id);
    expect(one).toContain('topic: www');
    expect(one).toContain(String.raw`"\x1b[2J`);
    // As the source delivered it: what the first rule took from it is not there.
    expect(one).not.toContain('agent:');
    const whole = await askJson('quarantineShow', 'quarantine', 'show', id);
    expect(Buffer.from(whole.bodyBase64, 'base64').toString()).toBe(accessLine(98, 99, HOSTILE).trimEnd());
  });

  test('filters by reason, and an unknown row is an error with a hint', async () => {
    expect((await askJson('quarantineList', 'quarantine', '--reason', 'no such reason')).rows).toEqual([]);
    const { status, stderr } = await ask('quarantine', 'show', '4711');
    expect(status).not.toBe(0);
    expect(stderr).toContain('hint:');
  });
});

describe('the write switch', () => {
  test('pause says why to everyone, and nothing lands', async () => {
    expect(await askJson('pause', 'pause', 'local', '--why', 'upgrade, ask Li')).toEqual({
      paused: ['local'],
    });
    expect(await text('status')).toContain('upgrade, ask Li');
    expect(await text('landings')).toContain('no file landed');
    const unknown = await ask('pause', 'lokal');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain('the sinks are local');
  });

  test('resume lands everything', async () => {
    expect(await text('resume')).toContain('writing goes on: local');
    await until('all is landed', async () => (await askJson('backlogList', 'backlog')).totalEvents === 0);
    await until('both files', async () => (await askJson('landings', 'landings')).rows.length === 2);
    expect(await text('backlog')).toContain('nothing waits');
    expect(await readdir(join(site.output, 'www', '2026-11-21'))).toEqual(['08']);
  });
});

describe('the books', () => {
  test('landings filters by topic, path and time', async () => {
    const { rows } = await askJson('landings', 'landings', '--topic', 'order', '--since', '1h');
    expect(rows.map(({ events }) => events)).toEqual([ORDER_EVENTS]);
    expect((await askJson('landings', 'landings', '--path', join(site.output, 'www'))).rows).toHaveLength(1);
    expect((await askJson('landings', 'landings', '--until', '2020-01-01T00:00:00Z')).rows).toEqual([]);
    expect(await text('landings')).toMatch(/order\/\d+:0-4/);
  });

  test('release takes held files only', async () => {
    const { status, stderr } = await ask('landings', 'release', 'no-such-file');
    expect(status).toBe(2);
    expect(stderr).toContain('hint:');
  });

  test('audit is clean on the books, on the files, and on every line', async () => {
    for (const level of [[], ['--hdfs'], ['--deep']]) {
      const shown = await text('audit', ...level);
      expect(shown, level.join()).toContain('CLEAN: every offset is accounted for exactly once (35 offsets');
    }
    const report = await askJson('auditReport', 'audit', '--deep');
    expect(report).toMatchObject({ verdict: 'clean', state: 'done', level: 'deep', findings: [] });
  });
});

describe('config show', () => {
  test('shows what runs with defaults, and no secret', async () => {
    const { yaml, version } = await askJsonShow();
    expect(version).toBe(1);
    expect(yaml).toContain('batchSize: 10000');
    expect(yaml).toContain("password: '***'");
    const { stdout, stderr, status } = await ask('config', 'show');
    expect(status).toBe(0);
    expect(stderr).toContain('# version 1, from');
    for (const shown of [
      stdout,
      stderr,
      yaml,
      JSON.stringify(await engine.client.call('status', {})),
      engine.tail,
    ]) {
      expect(shown).not.toContain(LITERAL_SECRET);
      expect(shown).not.toContain(FILE_SECRET);
    }
  });

  async function askJsonShow(): Promise<{ version: number; yaml: string }> {
    const { stdout } = await ask('config', 'show', '--json');
    const { isRunning, ...shown } = JSON.parse(stdout) as { isRunning: boolean };
    expect(isRunning).toBe(true);
    return procedures.configShow.output.parse(shown);
  }
});

describe('the end', () => {
  test('a wrong audit ends with 1 and names the file', async () => {
    const [name = ''] = await readdir(join(site.output, 'order', '2026-11-21', '09')).then((names) =>
      names.filter((one) => !one.startsWith('.')),
    );
    const path = join(site.output, 'order', '2026-11-21', '09', name);
    const { rm } = await import('node:fs/promises');
    await rm(path);
    const { status, stdout } = await ask('audit', '--hdfs');
    expect(status).toBe(1);
    expect(stdout).toContain('file-missing');
    expect(stdout).toContain(name);
    expect(stdout).toContain('WRONG: see the findings above');
  });

  test('a second engine on the state directory is refused, and says what to do', async () => {
    const second = new HeadgateProcess(['run', '--config', site.configFile]);
    const { status, stderr } = await second.ended;
    expect(status).toBe(1);
    expect(stderr).toContain('code: state-dir-locked');
    expect(stderr).toContain('hint:');
  });

  test('SIGTERM stops the engine with 0; then every verb ends with 3 and a hint', async () => {
    expect(await engine.stop()).toEqual({ code: 0, signal: null });
    const { status, stdout, stderr } = await ask('status');
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain('code: no-engine');
    expect(stderr).toContain('headgate run --config FILE');
  });
});
