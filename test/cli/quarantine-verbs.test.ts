/**
 * Goal: an operator sees from the shell what is in quarantine and why, tries it again and gives it up, and can't give up anything by a slip
 * of the finger. Method: a real engine process on files and a directory; the tests follow one another.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { job } from '../../shared/contract/control-job.ts';
import { procedures } from '../../shared/contract/control.ts';
import type { EngineProcess } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { headgate } from './command-line.ts';
import { accessLine, appendLines, HOSTILE, makeSite, removeSite, startEngineOf, type Site } from './site.ts';

const UNREADABLE = 4;
let site: Site;
let engine: EngineProcess;

beforeAll(async () => {
  site = await makeSite();
  const lines = Array.from({ length: UNREADABLE }, (_, id) =>
    accessLine(id, 96 + id, id === 0 ? HOSTILE : 'test'),
  );
  await appendLines(site, 'www', [accessLine(7, 8), ...lines]);
  engine = await startEngineOf(site);
  await until('all are in quarantine', async () => {
    const { total } = await engine.client.call('quarantineList', {});
    return total === UNREADABLE;
  });
});
afterAll(async () => {
  await engine.kill();
  await removeSite(site);
});

const ask = (...argv: string[]) => headgate('quarantine', ...argv, '-d', site.stateDir);

async function text(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await ask(...argv);
  expect({ status, stderr }, stderr).toEqual({ status: 0, stderr: '' });
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  return stdout;
}

test('groups tells how many wait, once for all texts that a reason quotes', async () => {
  const shown = await text('groups');
  expect(shown).toMatch(/^WAITING .*REASON/);
  expect(shown.trim().split('\n')).toHaveLength(2);
  expect(shown).toContain('no time of the pattern');
  const { stdout } = await ask('groups', '--json');
  expect(procedures.quarantineGroups.output.parse(JSON.parse(stdout))).toMatchObject({
    groups: [{ waiting: UNREADABLE, topic: 'www', source: 'lines' }],
  });
});

test('retry says what became of the events; under the same rules they stay', async () => {
  expect(await text('retry', '--all')).toMatch(
    /^4 events tried again: 0 into the channel, 4 still in quarantine\.$/m,
  );
  const { stdout } = await ask('retry', '--all', '--topic', 'www', '--json');
  expect(job.parse(JSON.parse(stdout))).toMatchObject({ kind: 'quarantine-retry', state: 'done' });
  expect(await text('retry', '--all', '--topic', 'order')).toContain('0 events');
});

test('which events are meant must be said in one way, and a drop needs a reason and a yes', async () => {
  for (const argv of [
    ['retry'],
    ['retry', '--all', '--id', '1'],
    ['retry', '--id', '1', '--topic', 'www'],
    ['drop', '--all', '--yes'],
    ['drop', '--all', '--why', 'no use'],
    ['retry', '--id', 'one'],
  ])
    expect((await ask(...argv)).status, argv.join(' ')).toBe(2);
  expect((await engine.client.call('quarantineList', { state: 'waiting' })).total).toBe(UNREADABLE);
});

test('drop gives up what is named, keeps who and why, and the audit tells the offsets', async () => {
  const { rows } = await engine.client.call('quarantineList', {});
  const [first, second] = rows.map(({ id }) => String(id));
  const dropped = ['drop', '--id', first ?? '', '--id', second ?? '', '--why', `a test ${HOSTILE}`, '--yes'];
  expect(await text(...dropped)).toMatch(/^2 events dropped/);
  expect(await text(...dropped)).toMatch(/^0 events dropped/);
  expect(await text()).toMatch(/^2 events in quarantine$/m);
  const listed = await text('list', '--state', 'dropped');
  expect(listed).toMatch(/^2 events$/m);
  expect(listed).toContain('dropped');
  expect(await text('show', first ?? '')).toMatch(/^dropped by .* at .*a test .*; its body is gone$/m);
  const reason = (await engine.client.call('quarantineGroups', {})).groups[0]?.reason ?? '';
  expect(await text('drop', '--reason', reason, '--topic', 'www', '--why', 'rest', '--yes')).toMatch(
    /^2 events/,
  );
  const audit = await headgate('audit', '-d', site.stateDir);
  expect(audit.status).toBe(0);
  expect(audit.stdout).toMatch(/DROPPED/);
  expect(audit.stdout).toMatch(/^note: www\/\d+ in disk: offsets .*\(2 offsets\) dropped by .* \(rest\): /m);
});
