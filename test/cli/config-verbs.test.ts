/**
 * Goal: a wrong configuration is found before the engine runs, with the place in the file and what to do; a right one is shown
 * without its secrets; a change is compared, applied and taken back. Method: the verbs on files without an engine, where what only shows
 * when rules are built (expressions, date patterns, paths, certificates) is among the faults; and on a real engine of files.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SAMPLE } from '../config/sample-config.ts';
import type { EngineProcess } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { headgate, HeadgateProcess, type Outcome } from './command-line.ts';
import { makeSite, removeSite, startEngineOf, type Site } from './site.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headgate-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

let count = 0;
async function fileOf(text: string): Promise<string> {
  const path = join(directory, `${++count}.yaml`);
  await writeFile(path, text);
  return path;
}

/** The sample with one text exchanged; the exchange must have happened. */
function sampleWith(from: string | RegExp, to: string): string {
  const text = SAMPLE.replace(from, () => to);
  expect(text).not.toBe(SAMPLE);
  return text;
}

interface Checked {
  readonly isUsable: boolean;
  readonly problems: readonly {
    readonly severity: string;
    readonly line: number;
    readonly column: number;
    readonly message: string;
    readonly hint: string;
  }[];
}

describe('config check', () => {
  test.each(['minimal', 'full'])('takes examples/%s.yaml as it is', async (name) => {
    const { status, stdout, stderr } = await headgate('config', 'check', `examples/${name}.yaml`);
    expect(stdout).toContain(`${name}.yaml is usable\n`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test.each(['demo', 'demo-embedded'])(
    'takes examples/%s.yaml with the demo’s surroundings',
    async (name) => {
      const surroundings = {
        HEADGATE_DEMO_STATE: directory,
        HEADGATE_DEMO_INPUT: directory,
        HEADGATE_DEMO_OUTPUT: directory,
        HEADGATE_DEMO_KAFKA: '127.0.0.1:9092',
        HEADGATE_DEMO_HDFS: 'http://127.0.0.1:9870',
      };
      Object.assign(process.env, surroundings);
      try {
        const { stdout, status } = await headgate('config', 'check', `examples/${name}.yaml`);
        expect(stdout).toContain('is usable');
        expect(status).toBe(0);
      } finally {
        for (const key of Object.keys(surroundings)) delete process.env[key];
      }
    },
  );

  const faults: readonly (readonly [string, () => string, number, RegExp, RegExp])[] = [
    [
      'a misspelt key',
      () => sampleWith('hdfs.path', 'hdfs.pth'),
      21,
      /unknown key "hdfs.pth"/,
      /Did you mean "hdfs.path"/,
    ],
    ['an expression that does not end', () => sampleWith(String.raw`'\[([^\]]+)\]'`, `'([^'`), 10, /./, /./],
    [
      'an expression that only Java has',
      () => sampleWith(String.raw`'\[([^\]]+)\]'`, String.raw`'(a)\G'`),
      10,
      /./,
      /./,
    ],
    [
      'a date pattern of nobody',
      () => sampleWith('dd/MMM/yyyy:HH:mm:ss Z', 'dd/MMM/yyyy QQQ bb'),
      10,
      /pattern/i,
      /./,
    ],
    [
      'a path with an escape of nobody',
      () => sampleWith('%Y-%m-%d/%H', '%Y-%m-%q'),
      21,
      /has an escape that Flume does not know/,
      /./,
    ],
    [
      'a topic expression that can’t be built',
      () => sampleWith('kafka.topics: [www]', `kafka.topics.regex: 'www('`),
      8,
      /./,
      /./,
    ],
    [
      'a certificate that is not there',
      () =>
        sampleWith(
          '    channels: [disk]',
          '    security: { tls: { ca: /nowhere/ca.pem } }\n    channels: [disk]',
        ),
      13,
      /ca\.pem/,
      /./,
    ],
  ];
  test.each(faults)('%s: 2, with line, column and what to do', async (_name, make, line, message, hint) => {
    const path = await fileOf(make());
    const { status, stdout } = await headgate('config', 'check', path, '--json');
    const { isUsable, problems } = JSON.parse(stdout) as Checked;
    expect(status).toBe(2);
    expect(isUsable).toBe(false);
    const found = problems.find((problem) => message.test(problem.message) && hint.test(problem.hint));
    expect(found, stdout).toBeDefined();
    expect(found?.line).toBe(line);
    expect(found?.column).toBeGreaterThan(0);
    const shown = await headgate('config', 'check', path);
    expect(shown.stdout).toContain(`${path}:${found?.line}:${found?.column}`);
    expect(shown.stdout).toContain('can’t be used: ');
  });

  test('a file that is not there ends with 2', async () => {
    const { status, stdout } = await headgate('config', 'check', join(directory, 'none.yaml'));
    expect(status).toBe(2);
    expect(stdout).toContain('none.yaml can’t be used: 1 error');
  });

  test('no file at all ends with 2', async () => {
    expect(await headgate('config', 'check')).toMatchObject({ status: 2, stdout: '' });
  });

  test('what a file contains can’t touch the terminal', async () => {
    const { stdout, stderr } = await headgate(
      'config',
      'check',
      await fileOf(sampleWith('timeZone: Asia/Shanghai', '"time\\e[2JZone": UTC')),
    );
    expect(stdout + stderr).not.toContain('\u001b');
    expect(stdout).toContain(String.raw`unknown key "time\x1b[2JZone"`);
  });
});

describe('run', () => {
  test('refuses a bad configuration with 2, before it touches anything', async () => {
    const path = await fileOf(sampleWith('hdfs.path', 'hdfs.pth'));
    const { status, stdout, stderr } = await new HeadgateProcess(['run', '--config', path]).ended;
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/:\d+:\d+/);
    expect(stderr).toContain('Did you mean "hdfs.path"');
  });
});

describe('config show without an engine', () => {
  test('shows what the file would give, secrets left out', async () => {
    await writeFile(join(directory, 'pw'), 'fish-from-a-file\n');
    const secrets = `    security:
      sasl: { mechanism: plain, username: gw, password: fish-literal }
      tls: { passphrase: '\${file:${join(directory, 'pw')}}' }
    channels: [disk]`;
    const text = sampleWith('    channels: [disk]', secrets).replace(
      'gateway:',
      `gateway:\n  stateDir: ${directory}/none`,
    );
    const path = await fileOf(text);
    for (const more of [[], ['--json']]) {
      const { status, stdout, stderr } = await headgate('config', 'show', '-c', path, ...more);
      expect(status, stderr).toBe(0);
      expect(stdout).toContain('batchSize: 10000');
      expect(stdout).toContain('***');
      expect(stdout + stderr).not.toContain('fish-');
    }
  });

  test('with neither engine nor file it ends with 3', async () => {
    const { status, stderr } = await headgate('config', 'show', '-d', join(directory, 'nobody'));
    expect(status).toBe(3);
    expect(stderr).toContain('code: no-engine');
  });
});

describe('with an engine', () => {
  let site: Site;
  let engine: EngineProcess;
  beforeAll(async () => {
    site = await makeSite();
    engine = await startEngineOf(site);
  }, 60_000);
  afterAll(async () => {
    await engine.kill();
    await removeSite(site);
  });

  const config = (...words: string[]): Promise<Outcome> => headgate('config', ...words, '-d', site.stateDir);

  test('diff, apply, history and rollback: a change there and back, by this user, without a secret', async () => {
    expect(await config('diff')).toMatchObject({ status: 0, stdout: '', stderr: 'no line differs\n' });
    const before = await readFile(site.configFile, 'utf8');
    const edited = await fileOf(before.replace('idleTimeout: 200ms', 'idleTimeout: 300ms'));

    const diff = await config('diff', edited);
    expect(diff.stdout).toContain('-    idleTimeout: 200ms\n+    idleTimeout: 300ms\n');
    expect(diff.stderr).toContain('changed sink local: idleTimeoutMs');
    expect(diff.stdout).not.toContain('\u001b');

    const applied = await config('apply', edited, '--note', 'slower');
    expect(applied).toMatchObject({ status: 0, stderr: '' });
    expect(applied.stdout).toBe('version 2 runs\n  changed sink local: idleTimeoutMs\n');
    expect(await readFile(site.configFile, 'utf8')).toContain('300ms');

    const history = await config('history', '--json');
    const { versions } = JSON.parse(history.stdout) as { versions: unknown[] };
    expect(versions).toMatchObject([
      { number: 2, by: userInfo().username, note: 'slower', isRunning: true },
      { number: 1, isRunning: false },
    ]);
    const table = await config('history');
    expect(table.stdout).toMatch(/^VERSION +APPLIED +BY +NOTE\n2 \* .*slower\n1 /);

    const back = await config('rollback', '1', '--json');
    expect(JSON.parse(back.stdout)).toMatchObject({ version: 3 });
    expect(await readFile(site.configFile, 'utf8')).toBe(before);
    const versionsDiff = await config('diff', '1', '2', '--json');
    expect((JSON.parse(versionsDiff.stdout) as { change: unknown }).change).toMatchObject({ isEmpty: false });
    for (const { stdout, stderr } of [diff, applied, history, table, back, versionsDiff])
      expect(stdout + stderr).not.toMatch(/fish-7/);
  });

  test('what is refused ends with its status and changes nothing', async () => {
    const before = await readFile(site.configFile, 'utf8');
    const bad = await config('apply', await fileOf(before.replace('200ms', 'soon')));
    expect(bad.status).toBe(2);
    expect(bad.stderr).toContain('code: config-invalid');
    expect((await config('apply', join(directory, 'none.yaml'))).status).toBe(2);
    expect((await config('rollback', '99')).stderr).toContain('there is no configuration version 99');
    expect((await config('rollback', 'x')).status).toBe(2);
    expect((await config('diff', '99', '1')).status).toBe(1);
    expect(await readFile(site.configFile, 'utf8')).toBe(before);
  });
});

test('the verbs that change something need an engine: 3', async () => {
  for (const words of [['diff'], ['apply'], ['history'], ['rollback', '1']])
    expect((await headgate('config', ...words, '-d', join(directory, 'nobody'))).status).toBe(3);
});

describe('run without a configuration', () => {
  test('says that --setup makes one; its companions go with it', async () => {
    const path = join(directory, 'none.yaml');
    const refused = await headgate('run', '-c', path);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('--setup');
    const alone = await headgate('run', '-c', path, '--state-dir', directory);
    expect(alone).toMatchObject({ status: 2, stdout: '' });
    const far = await headgate('run', '-c', path, '--setup', '--console', '0.0.0.0:80');
    expect(far.status).toBe(2);
    expect(far.stderr).toContain('this machine only');
  });

  test('with --setup it waits for the wizard, and a signal ends it with 0', async () => {
    const stateDir = join(directory, 'setup-state');
    const words = ['run', '-c', join(directory, 'new', 'headgate.yaml'), '--setup', '-d', stateDir];
    const run = new HeadgateProcess([...words, '--console', '127.0.0.1:0']);
    await until('it waits', () => run.stdout.includes('waiting for the first-run wizard'));
    const { status, stdout } = await headgate('status', '-d', stateDir, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'setup' });
    run.signal('SIGTERM');
    expect((await run.ended).status).toBe(0);
  });
});
