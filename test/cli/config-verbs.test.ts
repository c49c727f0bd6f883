/**
 * Goal: a wrong configuration is found before the engine runs, with the place in the file and what to do; a right one is shown
 * without its secrets. Method: the verbs on files, no engine; what only shows when rules are built (expressions, date patterns,
 * paths, certificates) is among the faults.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SAMPLE } from '../config/sample-config.ts';
import { headgate, HeadgateProcess } from './command-line.ts';

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
    // The console comes with a later version; whoever configures it is told.
    const told = name === 'full' ? ', with 1 warning' : '';
    expect(stdout).toContain(`${name}.yaml is usable${told}\n`);
    expect(stdout.includes('no browser console')).toBe(name === 'full');
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
