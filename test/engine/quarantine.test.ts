/**
 * Goal: an event that no rule could place is tried again after a change of the rules and lands where it belongs, or is given up by name,
 * and the audit says so. Method: the whole engine in this process on files and a directory, through the control API as operators use it.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { INTERCEPTED, jobEnds, PATTERN, quarantined } from './quarantined-lines.ts';
import { until } from '../rig/until.ts';
import { FileGateway } from './file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

let gateway: FileGateway;
beforeEach(() => {
  gateway = new FileGateway();
});
afterEach(() => gateway[Symbol.asyncDispose]());

const path = () => ({ path: `${gateway.output}/%Y/%m` });

async function landedOf(count: number): Promise<string[]> {
  return until(`${count} lines have landed`, async () => {
    await gateway.client.call('landNow', {});
    const lines = await gateway.landed();
    return lines.length >= count ? lines : undefined;
  });
}

async function audited() {
  const { audit } = await gateway.verdict();
  expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
  return audit;
}

/** Times of another form than the rule reads; three of them, each with a text of its own. */
const BAD = ['at=30.11.2023 a', 'at=29.11.2023 b', 'at=28.10.2023 c'];

describe('events in quarantine', () => {
  test('stand in one group though their reasons quote different texts; after a change of the rule they land in their own month', async () => {
    gateway.configure({ source: INTERCEPTED(PATTERN), sink: path() });
    appendFileSync(join(gateway.input, 'www.log'), ['at=2024-01-02 good', ...BAD, ''].join('\n'));
    await gateway.start();
    await quarantined(gateway, 3);
    await landedOf(1);
    const { groups, leftOut } = await gateway.client.call('quarantineGroups', {});
    expect(leftOut).toBe(0);
    expect(groups).toMatchObject([{ source: 'lines', topic: 'www', waiting: 3, retried: 0, dropped: 0 }]);
    const [group] = groups;
    expect(group?.reason).toContain('"…"');
    const listed = await gateway.client.call('quarantineList', {
      reason: group?.reason ?? '',
      state: 'waiting',
    });
    expect(listed.total).toBe(3);

    // Under the rules that made them fail they fail again, and nothing else changes.
    const { jobId: first } = await gateway.client.call('quarantineRetry', {
      selection: { all: true },
      by: 'li',
    });
    expect((await jobEnds(gateway, first)).summary).toBe(
      '3 events tried again: 0 into the channel, 3 still in quarantine.',
    );
    await quarantined(gateway, 3);

    gateway.configure({ source: INTERCEPTED('dd.MM.yyyy', String.raw`at=(\d\d\.\S+)`), sink: path() });
    await gateway.statusIs('the rule is changed', ({ configVersion }) => configVersion === 2);
    const selection = { reason: group?.reason ?? '', source: 'lines', topic: 'www' };
    const { jobId } = await gateway.client.call('quarantineRetry', { selection, by: 'li' });
    expect(await jobEnds(gateway, jobId)).toMatchObject({
      kind: 'quarantine-retry',
      by: 'li',
      state: 'done',
      summary: '3 events tried again: 3 into the channel.',
    });
    await quarantined(gateway, 0);
    expect((await landedOf(4)).sort()).toEqual(['at=2024-01-02 good', ...BAD].sort());
    const directories = gateway.landedFiles().map((file) => relative(gateway.output, file).slice(0, 7));
    expect([...new Set(directories)].sort()).toEqual(['2023/10', '2023/11', '2024/01']);
    const { rows } = await gateway.client.call('quarantineList', { state: 'retried' });
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      settledBy: 'li',
      settledWhy: 'with configuration version 2',
      preview: '',
    });
    const shown = await gateway.client.call('quarantineShow', { id: rows[0]?.id ?? 0 });
    expect(shown).toMatchObject({ body: '', bodyBase64: '', isCut: true, headers: {} });
    const audit = await audited();
    expect(audit.coverage).toMatchObject([{ landed: 4, quarantined: 0 }]);
    const { jobId: again } = await gateway.client.call('quarantineRetry', {
      selection: { all: true },
      by: 'li',
    });
    expect((await jobEnds(gateway, again)).summary).toMatch(/^0 events/);
  });

  test('that are filtered now, or still have no place, are accounted for; what is dropped is in the audit by name', async () => {
    gateway.configure({ source: INTERCEPTED(PATTERN), sink: path() });
    appendFileSync(join(gateway.input, 'www.log'), [...BAD, 'at=never d', 'at=noise e', ''].join('\n'));
    await gateway.start();
    await quarantined(gateway, 5);
    const { rows } = await gateway.client.call('quarantineList', {});
    const noise = rows.find(({ preview }) => preview.includes('never'));
    const { dropped } = await gateway.client.call('quarantineDrop', {
      selection: { ids: [noise?.id ?? 0] },
      by: 'li',
      why: 'no time at all',
    });
    expect(dropped).toBe(1);
    const source = INTERCEPTED('dd.MM.yyyy', String.raw`at=(\S+)`);
    gateway.configure({
      source: {
        interceptors: [{ type: 'regex_filter', regex: 'b$', excludeEvents: true }, ...source.interceptors],
      },
      sink: path(),
    });
    await gateway.statusIs('the rule is changed', ({ configVersion }) => configVersion === 2);
    const { jobId } = await gateway.client.call('quarantineRetry', { selection: { all: true }, by: 'li' });
    expect((await jobEnds(gateway, jobId)).summary).toBe(
      '4 events tried again: 2 into the channel, 1 filtered, 1 still in quarantine.',
    );
    await quarantined(gateway, 1);
    const left = await gateway.client.call('quarantineList', { state: 'waiting' });
    expect(left.rows[0]?.reason).toContain('dd.MM.yyyy');
    expect((await landedOf(2)).sort()).toEqual([BAD[0], BAD[2]].sort());
    const again = await gateway.client.call('quarantineDrop', {
      selection: { ids: [noise?.id ?? 0] },
      by: 'wang',
      why: 'once more',
    });
    expect(again.dropped).toBe(0);
    const audit = await audited();
    expect(audit.coverage).toMatchObject([{ landed: 2, quarantined: 1, filtered: 1, dropped: 1 }]);
    expect(audit.notes?.join('\n')).toMatch(/offsets 3 \(1 offset\) dropped by li \(no time at all\): .*"…"/);
  });

  test('go back as they came: a body that a rule rewrites is rewritten once', async () => {
    const rewrite = { type: 'search_replace', searchPattern: '^', replaceString: '>' };
    const { interceptors } = INTERCEPTED(PATTERN, String.raw`at=(\S+)`);
    gateway.configure({ source: { interceptors: [rewrite, ...interceptors] }, sink: path() });
    appendFileSync(join(gateway.input, 'www.log'), `${BAD[0]}\n`);
    await gateway.start();
    await quarantined(gateway, 1);
    const { rows } = await gateway.client.call('quarantineList', {});
    expect(rows[0]?.preview).toBe(BAD[0]);
    const { interceptors: good } = INTERCEPTED('dd.MM.yyyy', String.raw`at=(\S+)`);
    gateway.configure({ source: { interceptors: [rewrite, ...good] }, sink: path() });
    await gateway.statusIs('the rule is changed', ({ configVersion }) => configVersion === 2);
    const { jobId } = await gateway.client.call('quarantineRetry', { selection: { all: true }, by: 'li' });
    await jobEnds(gateway, jobId);
    expect(await landedOf(1)).toEqual([`>${BAD[0]}`]);
    await audited();
  });

  test('of 10 MB are shown in part, listed at once, and retried whole', async () => {
    gateway.configure({ source: INTERCEPTED(PATTERN, String.raw`at=(\S+)`), sink: path() });
    const large = `${BAD[0]} ${'x'.repeat(10_000_000)}`;
    appendFileSync(join(gateway.input, 'www.log'), `${large}\n`);
    await gateway.start();
    await quarantined(gateway, 1);
    const { rows } = await gateway.client.call('quarantineList', {});
    expect(rows[0]).toMatchObject({ bodyBytes: large.length, preview: large.slice(0, 160) });
    const shown = await gateway.client.call('quarantineShow', { id: rows[0]?.id ?? 0 });
    expect(shown.isCut).toBe(true);
    expect(shown.body).toBe(large.slice(0, 64 * 1024));
    gateway.configure({ source: INTERCEPTED('dd.MM.yyyy', String.raw`at=(\S+)`), sink: path() });
    await gateway.statusIs('the rule is changed', ({ configVersion }) => configVersion === 2);
    const { jobId } = await gateway.client.call('quarantineRetry', { selection: { all: true }, by: 'li' });
    expect((await jobEnds(gateway, jobId)).summary).toBe('1 event tried again: 1 into the channel.');
    expect(await landedOf(1)).toEqual([large]);
    await audited();
  });

  test('of a source that is not configured any more stay, and the summary says why', async () => {
    gateway.configure({ source: INTERCEPTED(PATTERN, String.raw`at=(\S+)`), sink: path() });
    appendFileSync(join(gateway.input, 'www.log'), `${BAD.join('\n')}\n`);
    await gateway.start();
    await quarantined(gateway, 3);
    await gateway.stop();
    const text = gateway.configText({ sink: path() }).replace('  lines:', '  others:');
    writeFileSync(gateway.configFile, text);
    await gateway.start();
    const { jobId } = await gateway.client.call('quarantineRetry', { selection: { all: true }, by: 'li' });
    expect((await jobEnds(gateway, jobId)).summary).toContain(
      '3 still in quarantine, for their source lines is not configured any more',
    );
    await quarantined(gateway, 3);
    await audited();
  });
});
