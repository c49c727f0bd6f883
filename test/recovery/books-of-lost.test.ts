/**
 * Goal: from what the group's list, the published facts and the files say follows what becomes of each offset, and where they leave it open
 * an operator is asked (exactly-once.md §5). Method: real files and books of a lost state directory, with made-up lists and facts beside
 * them; the audit judges the books that come of it.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closeChannel, openChannel } from '../../main/channel/channel.ts';
import { RecoveredBooks } from '../../main/channel/recovered-books.ts';
import type { FleetFacts } from '../../main/landing/fleet-facts.ts';
import { BooksOfLost } from '../../main/recovery/books-of-lost.ts';
import { FilesOfLost } from '../../main/recovery/files-of-lost.ts';
import type { RecoveryOptions, RecoverySource } from '../../main/recovery/recovery-parts.ts';
import type { RecoveryReport } from '../../main/recovery/recovery-report.ts';
import { ShutOut } from '../../main/recovery/shut-out.ts';
import type { SurveyedPartition } from '../../main/recovery/tenure-survey.ts';
import { kafkaSourceSettings } from '../../main/sources/kafka/kafka-source-settings.ts';
import type { TenureMetadata } from '../../main/sources/kafka/tenure-metadata.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import { AuditedSite, GATEWAY, hasty } from '../audit/audited-site.ts';
import {
  CHANNEL,
  putOf,
  range,
  SINK,
  STATE_ID,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';
import { fleetFacts, partitionFacts } from '../fleet/fleet-fixture.ts';

const LOG = { topic: 'www', partition: 0, incarnation: 'a' };
const SOURCE: RecoverySource = {
  name: 'weblogs',
  channels: [CHANNEL],
  kafka: kafkaSourceSettings({
    ...{ name: 'weblogs', bootstrapServers: ['127.0.0.1:1'], groupId: 'group', landingTargetId: 'here' },
    topics: { kind: 'list', names: ['www'] },
  }),
};

/** Offsets 0-9 stand in a file of the lost state. */
async function siteWithOneFile(): Promise<AuditedSite> {
  const site = new AuditedSite();
  await site.writer.perform('beginTenure', tenureStart('t1', 0));
  const chunks = [{ offsets: range(0, 10), directory: join(site.root, '08') }];
  await site.writer.perform('put', putOf({ tenure: 't1', first: 0, next: 10, chunks }));
  await site.writer.perform('accept', 't1', 10);
  await site.landAll();
  return site;
}

function chainOf(...entries: TenureMetadata['entries']): TenureMetadata {
  return {
    ...{
      target: 'here',
      incarnation: 'a',
      sequence: entries.length,
      entries,
      movedTo: undefined,
      fingerprint: undefined,
    },
    gateways: { [STATE_ID]: GATEWAY, other: 'gw-other' },
  };
}

const tenure = (stateId: string, start: number, end?: number, oldLogEnd?: number) => ({
  ...{ nonce: `${stateId}-${start}-${oldLogEnd ?? ''}`, stateId, start, end, oldLogEnd },
});

function surveyed(changes: Partial<SurveyedPartition> = {}): SurveyedPartition {
  return {
    ...{ source: SOURCE, group: 'group', clusterId: 'cluster', incarnation: 'a', isReplaced: false },
    info: { topic: 'www', partition: 0, topicId: 'a', leader: 1, leaderEpoch: 0 },
    ...{ committedOffset: 30, chain: chainOf(tenure(STATE_ID, 0)), logStart: 0 },
    ...changes,
  };
}

interface Made {
  readonly report: RecoveryReport;
  readonly audit: AuditReport;
}

async function make(
  site: AuditedSite,
  given: {
    readonly partition?: Partial<SurveyedPartition>;
    readonly facts?: readonly FleetFacts[];
    readonly options?: Partial<RecoveryOptions>;
  } = {},
): Promise<Made> {
  using fresh = new TestDirectory();
  const channel = openChannel(fresh.path, 'fresh');
  const sink = {
    ...{ name: SINK, channel: CHANNEL, root: site.root, codec: 'none', target: site.target },
    markerDirectory: `${site.root}/.headgate/${GATEWAY}`,
  };
  const options: RecoveryOptions = {
    ...{
      gatewayId: GATEWAY,
      stateDir: fresh.path,
      sinks: [sink],
      sources: [SOURCE],
      lostStates: [],
      words: [],
    },
    ...{
      isDeclaredDead: true,
      isDryRun: false,
      isAgain: false,
      removesTemps: false,
      missingFiles: undefined,
    },
    ...{ clock: hasty, signal: new AbortController().signal },
    ...{ crashPoint: () => undefined, onProgress: () => undefined },
    ...given.options,
  };
  const lost = new Set([STATE_ID]);
  let report: RecoveryReport;
  try {
    const books = new RecoveredBooks(channel);
    const shutOut = new ShutOut(options, { lost: [...lost], by: 'fresh' });
    await shutOut.write();
    const files = new FilesOfLost(options, { books, lost, shutOut });
    await files.walk();
    const states = [
      { stateId: STATE_ID, facts: given.facts ?? [], writtenOffBy: undefined, hasMarker: true },
    ];
    const partitions = [surveyed(given.partition)];
    const empty: RecoveryReport = {
      ...{
        outcome: 'recovered',
        gatewayId: GATEWAY,
        lostStates: [...lost],
        stateId: 'fresh',
        files: files.count,
      },
      ...{
        events: files.events,
        partitions: [],
        temps: [],
        tempsLeftOut: 0,
        tempsRemoved: 0,
        questions: [],
        notes: [],
      },
    };
    report = await new BooksOfLost(options, { books, lost, states, partitions, files }).make(empty, 'report');
  } finally {
    closeChannel(channel);
  }
  return { report, audit: await site.audit('deep', { directory: fresh.path }) };
}

describe('the books of a lost state directory', () => {
  it('claim what was accepted and is in no file, up to the committed offset', async () => {
    await using site = await siteWithOneFile();
    const { report, audit } = await make(site);
    expect(report.partitions).toEqual([
      expect.objectContaining({ accepted: 30, landed: 10, claimed: 20, claimedOffsets: '10-29', gone: 0 }),
    ]);
    expect(audit.verdict, JSON.stringify(audit.findings)).toBe('clean');
  });

  it('leave what another one had: its offsets are in neither claims nor gaps', async () => {
    await using site = await siteWithOneFile();
    const chain = chainOf(tenure(STATE_ID, 0, 15), tenure('other', 15, 25), tenure(STATE_ID, 25));
    const { report, audit } = await make(site, { partition: { chain } });
    expect(report.partitions[0]).toMatchObject({
      accepted: 20,
      landed: 10,
      claimed: 10,
      claimedOffsets: '10-14, 25-29',
    });
    expect(audit.verdict, JSON.stringify(audit.findings)).toBe('clean');
  });

  it('name what the broker has deleted, and what an operator had skipped', async () => {
    await using site = await siteWithOneFile();
    const chain = { ...chainOf(tenure(STATE_ID, 0, 18), tenure(STATE_ID, 18)), movedTo: 22 };
    const { report, audit } = await make(site, { partition: { chain, logStart: 12 } });
    expect(report.partitions[0]).toMatchObject({
      claimedOffsets: '12-17, 22-29',
      goneOffsets: '10-11, 18-21',
    });
    expect(report.partitions[0]?.goneWhy.join()).toMatch(
      /lost with the disk of .*deleted at the broker.*moved by an operator/,
    );
    expect(audit.verdict, JSON.stringify(audit.findings)).toBe('clean');
    expect(audit.coverage[0]).toMatchObject({ landed: 10, claimed: 14, gap: 6 });
  });

  it('claim nothing of a topic that was created anew', async () => {
    await using site = await siteWithOneFile();
    const { report, audit } = await make(site, { partition: { isReplaced: true } });
    expect(report.partitions[0]).toMatchObject({ landed: 10, claimed: 0, gone: 20 });
    expect(audit.verdict).toBe('clean');
  });

  it('keep logs apart that were replaced: of the old one there is what is in files, and gaps', async () => {
    await using site = await siteWithOneFile();
    const chain = {
      ...chainOf(tenure(STATE_ID, 0, 14), tenure(STATE_ID, 0, undefined, 14)),
      incarnation: 'b',
    };
    const { report, audit } = await make(site, {
      partition: { chain, incarnation: 'b', committedOffset: 5 },
    });
    expect(
      report.partitions.map(({ incarnation, landed, claimed, gone }) => ({
        incarnation,
        landed,
        claimed,
        gone,
      })),
    ).toEqual([
      { incarnation: 'a', landed: 10, claimed: 0, gone: 4 },
      { incarnation: 'b', landed: 0, claimed: 5, gone: 0 },
    ]);
    expect(audit.verdict, JSON.stringify(audit.findings)).toBe('clean');
  });

  it('are not made while somebody may have moved landed files away; the operator says what becomes of them', async () => {
    await using site = await siteWithOneFile();
    const said = partitionFacts({
      ...LOG,
      group: 'group',
      acceptedTo: 30,
      landedTo: 20,
      landedEvents: 15,
      ranges: [[0, 30]],
    });
    const facts = [fleetFacts({ gatewayId: GATEWAY, stateId: STATE_ID, sink: SINK, partitions: [said] })];
    const asked = await make(site, { facts });
    expect(asked.report.outcome).toBe('undecided');
    expect(asked.report.questions[0]?.what).toContain('5 events');
    const trusted = await make(site, { facts, options: { missingFiles: 'landed' } });
    expect(trusted.report.partitions[0]).toMatchObject({ claimedOffsets: '20-29', goneOffsets: '10-19' });
    expect(trusted.audit.verdict).toBe('clean');
    const again = await make(site, { facts, options: { missingFiles: 'again' } });
    expect(again.report.partitions[0]).toMatchObject({ claimedOffsets: '10-29', gone: 0 });
  });

  it('are not made while a range may be another’s; the operator’s word decides it', async () => {
    await using site = await siteWithOneFile();
    const chain = { ...chainOf(tenure('other', 5, 6), tenure(STATE_ID, 20)), sequence: 9 };
    const asked = await make(site, { partition: { chain } });
    expect(asked.report.questions.map(({ place }) => place)).toEqual(['www/0:10-20']);
    expect(asked.report.questions[0]?.answer).toContain('--claim www/0:10-20');
    const word = { topic: 'www', partition: 0, from: 10, to: 20 };
    const ours = await make(site, { partition: { chain }, options: { words: [{ ...word, isOurs: true }] } });
    expect(ours.report.partitions[0]).toMatchObject({ claimedOffsets: '10-29' });
    const others = await make(site, {
      partition: { chain },
      options: { words: [{ ...word, isOurs: false }] },
    });
    expect(others.report.partitions[0]).toMatchObject({ claimedOffsets: '20-29' });
  });

  it('have the files of a topic that nobody reads any more', async () => {
    await using site = await siteWithOneFile();
    const info = { topic: 'another', partition: 0, topicId: 'b', leader: 1, leaderEpoch: 0 };
    const { report, audit } = await make(site, { partition: { info, chain: undefined, incarnation: 'b' } });
    expect(report.partitions).toEqual([
      expect.objectContaining({ topic: 'www', landed: 10, claimed: 0, gone: 0 }),
    ]);
    expect(report.notes.join()).toContain('www/0: no source of the configuration reads it');
    expect(audit.verdict, JSON.stringify(audit.findings)).toBe('clean');
  });
});
