/**
 * Goal: what a lost state directory left at its target becomes the books of a new one, whole or not at all; its temp files and late
 * renames land nothing; and what can't be known is asked (exactly-once.md §5).
 * Method: a channel is filled and landed by its own writer into a directory, and lost; `recover` makes the books in an empty directory,
 * and the audit judges them at its deepest level. Kafka's side is in test/e2e/recover.test.ts.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStateDirectory } from '../../main/channel/state-directory.ts';
import { factsPath, FleetFactsObject } from '../../main/landing/fleet-facts-object.ts';
import type { Target } from '../../main/landing/target.ts';
import { lostStatesOf, refuseTheLiving, type KnownState } from '../../main/recovery/lost-states.ts';
import type { RecoveryOptions } from '../../main/recovery/recovery-parts.ts';
import { recover } from '../../main/recovery/recovery.ts';
import { AuditedSite, GATEWAY, hasty } from '../audit/audited-site.ts';
import {
  CHANNEL,
  openWriter,
  partition,
  putOf,
  range,
  SINK,
  STATE_ID,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';
import { fleetFacts } from '../fleet/fleet-fixture.ts';

const calm = new AbortController().signal;

/** Offsets 0-9 and 20-29 stand in files, 10-19 wait; then the disk is gone. */
async function lostSite(codec: 'none' | 'gzip' | 'zstd' = 'none'): Promise<AuditedSite> {
  const site = new AuditedSite();
  const { writer } = site;
  await writer.perform('beginTenure', tenureStart('t1', 0));
  const put = async (first: number, next: number): Promise<void> => {
    const chunks = [{ offsets: range(first, next), directory: join(site.root, '08'), codec }];
    await writer.perform('put', putOf({ tenure: 't1', first, next, chunks }));
  };
  await put(0, 10);
  await writer.perform('accept', 't1', 10);
  await site.landAll();
  await put(10, 20);
  await put(20, 30);
  await writer.perform('accept', 't1', 30);
  return site;
}

async function landRest(site: AuditedSite): Promise<void> {
  // The middle is lost: it stays in the channel for good.
  site.tamper('UPDATE chunks SET landing_key_id = -1 WHERE first = 10');
  site.tamper(
    'UPDATE landing_keys SET chunks = 1, events = 10, raw_bytes = raw_bytes / 2, stored_bytes = stored_bytes / 2',
  );
  await site.landAll();
}

function options(
  site: AuditedSite,
  stateDir: string,
  changes: Partial<RecoveryOptions> = {},
): RecoveryOptions {
  return {
    ...{ gatewayId: GATEWAY, stateDir, lostStates: [STATE_ID], words: [], missingFiles: undefined },
    sinks: [
      {
        ...{ name: SINK, channel: CHANNEL, root: site.root, codec: 'none', target: site.target },
        markerDirectory: `${site.root}/.headgate/${GATEWAY}`,
      },
    ],
    sources: [{ name: 'weblogs', kafka: undefined, channels: [CHANNEL] }],
    ...{ isDeclaredDead: false, isDryRun: false, isAgain: false, removesTemps: false },
    ...{ clock: hasty, signal: calm, crashPoint: () => undefined, onProgress: () => undefined },
    ...changes,
  };
}

/** The lost one left a marker, as every engine that landed something does. */
function leaveMarker(site: AuditedSite): Promise<unknown> {
  return mkdir(`${site.root}/.headgate/${GATEWAY}/${STATE_ID}.${SINK}`, { recursive: true });
}

async function treeOf(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}

const tempOf = (path: string, number = 1): string =>
  join(dirname(path), `.${basename(path)}.${number}-abc.tmp`);

describe('books made again from what stands at the target', () => {
  it.each(['none', 'gzip', 'zstd'] as const)(
    'are clean by an audit of every line, and claim exactly what is in no file (%s)',
    async (codec) => {
      await using site = await lostSite(codec);
      await landRest(site);
      await leaveMarker(site);
      using fresh = new TestDirectory();
      const report = await recover(options(site, fresh.path));
      expect(report).toMatchObject({ outcome: 'recovered', files: 2, events: 20, lostStates: [STATE_ID] });
      expect(report.partitions).toEqual([
        expect.objectContaining({ accepted: 30, landed: 20, claimed: 10, claimedOffsets: '10-19', gone: 0 }),
      ]);
      const audit = await site.audit('deep', { directory: fresh.path });
      expect(audit.verdict, audit.summary).toBe('clean');
      expect(audit.coverage[0]).toMatchObject({ landed: 20, claimed: 10 });
    },
  );

  it('are not made on a dry run, which changes nothing at all', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    using fresh = new TestDirectory();
    const before = await treeOf(site.root);
    const report = await recover(options(site, join(fresh.path, 'state'), { isDryRun: true }));
    expect(report).toMatchObject({ outcome: 'dry-run', files: 1, events: 10 });
    expect(await treeOf(site.root)).toEqual(before);
    expect(await treeOf(fresh.path)).toEqual([]);
  });

  it('leave alone what an engine has written since on the same directory', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    // As an engine does that began on the empty directory: an identity, and a tenure of its own.
    using again = new TestDirectory();
    const directory = openStateDirectory(again.path, 1);
    const writer = openWriter(again.path, { stateId: directory.identity.stateId });
    await writer.perform('beginTenure', tenureStart('own', 30));
    await writer.perform('put', putOf({ tenure: 'own', first: 30, next: 40 }));
    await writer.perform('accept', 'own', 40);
    await writer.perform('endTenure', 'own');
    const before = await writer.perform('partitionState', partition());
    writer.close();
    directory.close();
    const report = await recover(options(site, again.path));
    expect(report.outcome).toBe('recovered');
    const audit = await site.audit('hdfs', { directory: again.path });
    expect(audit.verdict, JSON.stringify(audit.findings)).toBe('clean');
    expect(audit.coverage[0]).toMatchObject({ landed: 10, inChannel: 10 });
    const opened = openWriter(again.path, { stateId: directory.identity.stateId });
    expect(await opened.perform('partitionState', partition())).toEqual(before);
    opened.close();
  });

  it('take a file that was renamed or moved below the root for what it is', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    const [path] = (await treeOf(join(site.root, '08'))).filter((name) => !name.startsWith('.'));
    await mkdir(join(site.root, 'archive'));
    for (const name of await treeOf(join(site.root, '08')))
      await rename(join(site.root, '08', name), join(site.root, 'archive', name));
    using fresh = new TestDirectory();
    const report = await recover(options(site, fresh.path));
    expect(report).toMatchObject({ files: 1, events: 10 });
    const audit = await site.audit('deep', { directory: fresh.path });
    expect(audit.verdict, JSON.stringify(audit.findings)).toBe('clean');
    expect(path).toBeDefined();
  });

  it('are refused while a file of the lost state can’t be taken at its word', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    const folder = join(site.root, '08');
    const sidecar = (await readdir(folder)).find((name) => name.startsWith('.headgate-')) ?? '';
    const text = await readFile(join(folder, sidecar), 'utf8');
    await writeFile(join(folder, sidecar), text.replace('"events":10', '"events":11'));
    using fresh = new TestDirectory();
    await expect(recover(options(site, fresh.path))).rejects.toMatchObject({ code: 'rename-uncertain' });
    await writeFile(join(folder, sidecar), text);
    expect((await recover(options(site, fresh.path))).outcome, 'put back, it goes on').toBe('recovered');
  });

  it('are refused with a configuration that lacks a source or a channel of the files', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    using fresh = new TestDirectory();
    const renamed = options(site, fresh.path, {
      sources: [{ name: 'other', kafka: undefined, channels: [CHANNEL] }],
    });
    await expect(recover(renamed)).rejects.toThrow(/sources that the configuration does not have: weblogs/);
  });
});

describe('the lost state directory', () => {
  it('finds no temp file to rename, however late its rename comes; they go only when that is asked for', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    const [name = ''] = (await readdir(join(site.root, '08'))).filter((one) => !one.startsWith('.'));
    const final = join(site.root, '08', name.replace(/00000000-\w{8}/, '00000000-zzzzzzzz'));
    const temp = tempOf(final);
    await writeFile(temp, 'an upload that was whole');
    const [fileId = ''] = /\d{8}-\d{9}-0{8}-zzzzzzzz/.exec(temp) ?? [];
    await writeFile(join(dirname(temp), `.headgate-${fileId}.json`), 'what it would have said of itself');
    using fresh = new TestDirectory();
    const report = await recover(options(site, fresh.path));
    expect(report.temps).toHaveLength(1);
    expect(await site.target.rename(temp, final, calm)).toEqual({ renamed: false, why: 'source-missing' });
    const removed = await recover(options(site, fresh.path, { removesTemps: true }));
    expect(removed.tempsRemoved).toBe(1);
    expect((await readdir(dirname(temp))).filter((one) => one.includes('zzzzzzzz'))).toEqual([]);
  });

  it('that renames at the very last moment is seen to have landed', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    const folder = join(site.root, '08');
    const [name = ''] = (await readdir(folder)).filter((one) => !one.startsWith('.'));
    const final = join(folder, name);
    // Its file is whole and stamped; the rename comes between our listing and our putting it aside.
    await rename(final, tempOf(final));
    let isDone = false;
    const target: Target = new Proxy(site.target, {
      get: (from, key) => {
        const value: unknown = Reflect.get(from, key);
        if (typeof value !== 'function') return value;
        if (key !== 'list') return value.bind(from) as unknown;
        return async (directory: string) => {
          const entries = await from.list(directory, calm);
          if (directory === folder && !isDone) {
            isDone = true;
            await rename(tempOf(final), final);
          }
          return entries;
        };
      },
    });
    using fresh = new TestDirectory();
    const given = options(site, fresh.path);
    const report = await recover({ ...given, sinks: given.sinks.map((sink) => ({ ...sink, target })) });
    expect(isDone).toBe(true);
    expect(report).toMatchObject({ files: 1, events: 10 });
  });

  it('that publishes after it was shut out is alive, and nothing is made of it', async () => {
    await using site = await lostSite();
    await leaveMarker(site);
    const markerDirectory = `${site.root}/.headgate/${GATEWAY}`;
    const notes = new Map<string, string>();
    const facts = new FleetFactsObject({
      ...{ markerDirectory, stateId: STATE_ID, sink: SINK, target: site.target },
      store: {
        readNote: (name) => Promise.resolve(notes.get(name)),
        writeNote: (name, value) => Promise.resolve(void notes.set(name, value)),
      },
    });
    const said = fleetFacts({ gatewayId: GATEWAY, stateId: STATE_ID, sink: SINK, writtenMs: 1 });
    await facts.publish(said, calm);
    using fresh = new TestDirectory();
    let points = 0;
    let publishing: Promise<unknown> = Promise.resolve();
    const given = options(site, fresh.path, {
      onProgress: (text) => {
        if (text.startsWith('reading files') && points++ === 0) publishing = facts.publish(said, calm);
      },
    });
    await expect(recover(given)).rejects.toMatchObject({ code: 'state-cloned' });
    await publishing;
    expect(factsPath(markerDirectory, STATE_ID, SINK)).toBe(facts.path);
  });

  const known = (stateId: string, changes: Partial<KnownState> = {}): KnownState => ({
    ...{ stateId, facts: [], writtenOffBy: undefined, hasMarker: true },
    ...changes,
  });

  it('is asked for where several may be meant, and is never the one at hand or one that left for good', () => {
    const states = [known('a'), known('b'), known('own')];
    const choose = (asked: readonly string[], of = states) =>
      lostStatesOf({ states: of, own: 'own', asked }).map(({ stateId }) => stateId);
    expect(() => choose([])).toThrow(/several/);
    expect(choose(['b'])).toEqual(['b']);
    expect(choose(['a', 'b'])).toEqual(['a', 'b']);
    expect(() => choose(['own'])).toThrow(/not lost/);
    expect(() => choose(['c'])).toThrow(/no state id c/);
    const retired = fleetFacts({ ended: { atMs: 1, why: 'retired', by: 'li' } });
    expect(choose([], [known('a', { facts: [retired] }), known('b'), known('own')])).toEqual(['b']);
    expect(() => choose([], [known('own')])).toThrow(/nothing of this gateway was lost/);
  });

  it('brings those with it that it had recovered itself, but not one whose heir lives', () => {
    const chain = [known('first', { writtenOffBy: 'second' }), known('second'), known('own')];
    const names = (states: readonly KnownState[], own: string) =>
      lostStatesOf({ states, own, asked: [] }).map(({ stateId }) => stateId);
    expect(names(chain, 'own')).toEqual(['second', 'first']);
    // The heir was lost before its engine ever ran: nobody but the first is known.
    expect(names([known('first', { writtenOffBy: 'second' })], 'own')).toEqual(['first']);
  });

  it('that was itself recovered, and whose heir is lost too: the next one gets what both had', async () => {
    await using site = await lostSite();
    await landRest(site);
    await leaveMarker(site);
    using heir = new TestDirectory();
    const first = await recover(options(site, heir.path));
    await mkdir(`${site.root}/.headgate/${GATEWAY}/${first.stateId}.${SINK}`, { recursive: true });
    using next = new TestDirectory();
    const report = await recover(options(site, next.path, { lostStates: [] }));
    expect(report.lostStates).toEqual([first.stateId, STATE_ID]);
    expect(report).toMatchObject({ files: 2, events: 20 });
    expect((await site.audit('deep', { directory: next.path })).verdict).toBe('clean');
  });

  it('may be alive when it was heard of a short while ago', () => {
    const facts = [fleetFacts({ writtenMs: 1_000_000 })];
    expect(() => refuseTheLiving([known('a', { facts })], 1_100_000)).toThrow(/sign of life 100 s ago/);
    expect(() => refuseTheLiving([known('a', { facts })], 1_200_000)).not.toThrow();
  });
});

describe('a recovery that is not done', () => {
  it('goes on from wherever it was broken off, and gives the same books', async () => {
    await using site = await lostSite();
    await landRest(site);
    await leaveMarker(site);
    using fresh = new TestDirectory();
    for (const at of [
      'after-shut-out',
      'after-files',
      'before-books-commit',
      'after-books-commit',
      'after-facts-ended',
    ]) {
      const given = options(site, fresh.path, {
        crashPoint: (name) => {
          if (name === `recover.${at}`) throw new Error(at);
        },
      });
      await expect(recover(given)).rejects.toThrow(at);
    }
    const report = await recover(options(site, fresh.path));
    expect(report).toMatchObject({ outcome: 'recovered', files: 2, events: 20 });
    expect((await site.audit('deep', { directory: fresh.path })).verdict).toBe('clean');
    await rm(join(site.root, '08'), { recursive: true });
    expect(await recover(options(site, fresh.path)), 'when all is done nothing is looked at again').toEqual(
      report,
    );
  });
});
