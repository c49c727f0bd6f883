/**
 * Goal: the demo ends by itself with a proof, and by Ctrl-C without a trace.
 * Method: the embedded demo as a process (the one with Kafka and HDFS takes the same path and is what a newcomer runs); a PATH
 * without java shows what happens there.
 */
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { rawRequest } from '../control/raw-request.ts';
import { until } from '../rig/until.ts';
import { HeadgateProcess } from './command-line.ts';

async function demoDirectories(): Promise<ReadonlySet<string>> {
  return new Set((await readdir(tmpdir())).filter((name) => name.startsWith('headgate-demo-')));
}

test('--exit ends with a clean audit, a clean judge, and 0', async () => {
  const demo = new HeadgateProcess(['demo', '--embedded', '--events', '3000', '--exit']);
  const { status, stdout, stderr } = await demo.ended;
  expect(stdout).toContain('files in, a directory out; no Kafka and no HDFS take part');
  expect(stdout).toMatch(/its console: http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}\n/);
  expect(stdout).toMatch(/CLEAN: every offset is accounted for exactly once \(3,000 offsets/);
  expect(stdout).toMatch(/clean: \d+ records found in \d+ lines of \d+ files, 0 hidden files/);
  expect(stdout).toMatch(/^CLEAN: [\d,]+ events in \d+ files/m);
  expect(status, stdout + stderr).toBe(0);
});

test('without Java it says what is missing and goes on with files', async () => {
  const demo = new HeadgateProcess(['demo', '--events', '1', '--rate', '1'], {
    environment: { PATH: '/nowhere', JAVA_HOME: '' },
  });
  await until('it has said so', () => demo.stdout.includes('ask it: npx headgate status -d'));
  expect(demo.stdout).toMatch(/no Java: .*Install a JDK/);
  expect(demo.stdout).toContain('embedded demo: files in, a directory out');
  const [, address = '', token = ''] = await until(
    'the console is told',
    () => /its console: (\S+)\/#token=(\S+)\n/.exec(demo.stdout) ?? undefined,
  );
  const signedIn = await rawRequest({
    port: Number(new URL(address).port),
    method: 'POST',
    path: '/api/session',
    body: JSON.stringify({ token }),
  });
  expect(signedIn.status).toBe(200);
  const directory = /status -d \S*\/(headgate-demo-[^/]+)\//.exec(demo.stdout)?.[1] ?? '';
  expect((await demoDirectories()).has(directory)).toBe(true);

  demo.signal('SIGINT');
  const { status, stdout, stderr } = await demo.ended;
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('stopping');
  expect((await demoDirectories()).has(directory)).toBe(false);
});
