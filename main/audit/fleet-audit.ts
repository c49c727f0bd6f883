/**
 * The proof over a whole fleet (exactly-once.md §5): what the group's metadata, the facts of all gateways and, where it was asked for, the
 * stamps of all landed files say about each offset, put side by side. Pure: the same facts give the same verdict.
 *
 * 1. Every offset of a log below the committed one was accepted by exactly one state directory: by a listed tenure, or by the ranges in
 *    that directory's facts. None is a `hole`, two are an `overlap`; accepted beyond the committed one is `ahead`.
 * 2. What a state directory accepted it accounts for in its own books, which its own audit proves. From outside is shown what it
 *    holds; of one that is silent and holds something, or accepted something after its last facts, nothing is proven.
 * 3. Files: no offset stands in two files of one sink or of two state directories; each file's offsets were accepted by the
 *    state directory that stamped it (or by one whose place it took); and there are not fewer events in files than its facts say it landed.
 */
import type { FleetAuditFinding, FleetAuditPartition } from '../../shared/contract/control-fleet.ts';
import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import type { FleetFacts, PartitionFacts } from '../landing/fleet-facts.ts';
import { FINDINGS_MAX } from './audit-limits.ts';
import { underTheirHeirs } from './fleet-heirs.ts';
import { NamedRuns } from './named-runs.ts';
import { intersected, minus, OffsetSet } from './offset-set.ts';

/** One listed tenure: accepted offsets `[start, end)`. */
export interface AuditedTenure {
  readonly stateId: string;
  readonly gatewayId: string;
  readonly start: number;
  readonly end: number;
}

export interface AuditedGroupPartition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly committed: number;
  readonly tenures: readonly AuditedTenure[];
  readonly isWhole: boolean;
}

export interface AuditedGateway {
  readonly facts: FleetFacts;
  readonly isSilent: boolean;
}

/** Offsets of one partition in one landed file. */
export interface FilePiece {
  readonly path: string;
  readonly stateId: string;
  readonly sink: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly events: number;
  readonly runs: readonly OffsetRun[];
}

export interface FleetAuditInput {
  readonly groups: readonly AuditedGroupPartition[];
  readonly gateways: readonly AuditedGateway[];
  /** undefined: files were not asked for. */
  readonly files: readonly FilePiece[] | undefined;
}

export interface FleetAuditResult {
  readonly partitions: readonly FleetAuditPartition[];
  readonly findings: readonly FleetAuditFinding[];
  readonly findingsLeftOut: number;
  readonly unproven: readonly string[];
  readonly notes: readonly string[];
}

export function auditFleet(input: FleetAuditInput): FleetAuditResult {
  const run = new FleetAudit(underTheirHeirs(input));
  run.work();
  return run.result;
}

/** One log: a partition of a topic in one incarnation. Offsets of two logs have nothing to do with each other. */
interface Log {
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly groups: AuditedGroupPartition[];
  readonly facts: { readonly gateway: AuditedGateway; readonly partition: PartitionFacts }[];
  readonly files: FilePiece[];
}

class FleetAudit {
  readonly #input: FleetAuditInput;
  readonly #partitions: FleetAuditPartition[] = [];
  readonly #findings: FleetAuditFinding[] = [];
  #leftOut = 0;
  readonly #unproven: string[] = [];
  readonly #notes: string[] = [];
  /** State ids to the gateways' names. */
  readonly #names = new Map<string, string>();

  constructor(input: FleetAuditInput) {
    this.#input = input;
    for (const { facts } of input.gateways) this.#names.set(facts.stateId, facts.gatewayId);
    for (const { tenures } of input.groups)
      for (const { stateId, gatewayId } of tenures) this.#names.set(stateId, gatewayId);
  }

  get result(): FleetAuditResult {
    return {
      partitions: this.#partitions,
      findings: this.#findings,
      findingsLeftOut: this.#leftOut,
      unproven: this.#unproven.slice(0, FINDINGS_MAX),
      notes: this.#notes.slice(0, FINDINGS_MAX),
    };
  }

  work(): void {
    for (const { facts, isSilent } of this.#input.gateways) {
      const holds = facts.waitingEvents + facts.claimedEvents;
      if (isSilent && holds > 0 && facts.ended === undefined)
        this.#unproven.push(
          `${facts.gatewayId} (${facts.stateId}) is silent and holds ${holds} events for ${facts.sink}`,
        );
      if (facts.leftOut > 0)
        this.#unproven.push(`the facts of ${facts.gatewayId} leave out ${facts.leftOut} partitions`);
    }
    for (const log of this.#logs()) {
      const groups = new Set(
        [...log.groups, ...log.facts.map(({ partition }) => partition)].map((one) => one.group),
      );
      for (const group of groups) this.#auditLog(log, group);
      if (this.#input.files !== undefined) this.#auditFiles(log);
    }
  }

  #logs(): Iterable<Log> {
    const logs = new Map<string, Log>();
    const logOf = ({
      topic,
      partition,
      incarnation,
    }: Pick<Log, 'topic' | 'partition' | 'incarnation'>): Log => {
      const key = JSON.stringify([topic, partition, incarnation]);
      let log = logs.get(key);
      if (log === undefined)
        logs.set(key, (log = { topic, partition, incarnation, groups: [], facts: [], files: [] }));
      return log;
    };
    for (const one of this.#input.groups) if (one.tenures.length > 0) logOf(one).groups.push(one);
    for (const gateway of this.#input.gateways)
      for (const partition of gateway.facts.partitions)
        if (partition.group !== '') logOf(partition).facts.push({ gateway, partition });
    for (const file of this.#input.files ?? []) logOf(file).files.push(file);
    return logs.values();
  }

  /** Tenures and ranges tile the log of one group, from the first known offset to the committed one. */
  #auditLog(log: Log, group: string): void {
    const place = `${log.topic}/${log.partition}`;
    const current = log.groups.find((one) => one.group === group);
    const accepted = this.#accepted(log, group);
    let from = Infinity;
    let to = 0;
    for (const set of accepted.values()) {
      from = Math.min(from, set.first);
      to = Math.max(to, set.next);
    }
    if (to === 0) return;
    const all = new OffsetSet();
    for (const [stateId, set] of accepted) {
      for (const [other, otherSet] of accepted) {
        if (other >= stateId) continue;
        const both = intersected(set, otherSet);
        if (!both.isEmpty)
          this.#find(
            'overlap',
            place,
            `${named(both)}: accepted by ${this.#name(other)} and by ${this.#name(stateId)}`,
          );
      }
      for (const { from: first, to: next } of set.runs()) all.add(first, next);
    }
    const end = current?.committed ?? to;
    const holes = minus(OffsetSet.of(from, Math.max(from, end)), all);
    if (!holes.isEmpty)
      this.#find('hole', place, `${named(holes)}: no gateway accepted them, and the group is at ${end}`);
    if (to > end)
      this.#find(
        'ahead',
        place,
        `${named(minus(all, OffsetSet.of(0, end)))}: accepted beyond the group’s offset ${end}`,
      );
    if (current?.isWhole === false)
      this.#notes.push(
        `${place}: older tenures are not listed any more; that it begins at ${from} rests on the gateways’ facts`,
      );
    this.#untold(log, group, accepted);
    this.#partitions.push({
      ...{ group, topic: log.topic, partition: log.partition, incarnation: log.incarnation },
      ...{ from, to: Math.max(to, from) },
      owners: [...accepted].map(([stateId, set]) => ({
        ...{ gatewayId: this.#name(stateId), stateId, offsets: set.count },
      })),
      landed: log.files.reduce((sum, { events }) => sum + events, 0),
    });
  }

  /** By state id. */
  #accepted(log: Log, group: string): Map<string, OffsetSet> {
    const accepted = new Map<string, OffsetSet>();
    const of = (stateId: string): OffsetSet => {
      let set = accepted.get(stateId);
      if (set === undefined) accepted.set(stateId, (set = new OffsetSet()));
      return set;
    };
    for (const { group: one, tenures } of log.groups)
      if (one === group)
        for (const { stateId, start, end } of tenures) if (end > start) of(stateId).add(start, end);
    for (const { gateway, partition } of log.facts)
      if (partition.group === group)
        for (const [from, to] of partition.ranges) if (to > from) of(gateway.facts.stateId).add(from, to);
    return accepted;
  }

  /** Accepted by the group's word, and not in the facts of who accepted it: it died, or is about to say so. */
  #untold(log: Log, group: string, accepted: ReadonlyMap<string, OffsetSet>): void {
    const place = `${log.topic}/${log.partition}`;
    for (const [stateId, set] of accepted) {
      const own = log.facts.filter(
        ({ gateway, partition }) => gateway.facts.stateId === stateId && partition.group === group,
      );
      const gateways = this.#input.gateways.filter(({ facts }) => facts.stateId === stateId);
      if (gateways.some(({ facts }) => facts.ended !== undefined)) continue;
      if (gateways.length === 0) {
        this.#unproven.push(
          `${place} ${named(set)}: accepted by ${this.#name(stateId)}, which has published no facts`,
        );
        continue;
      }
      const told = new OffsetSet();
      for (const { partition } of own) {
        told.add(0, partition.rangesFrom);
        for (const [from, to] of partition.ranges) told.add(from, to);
      }
      const untold = minus(minus(set, told), offsetsOf(log.files.filter((file) => file.stateId === stateId)));
      if (!untold.isEmpty && gateways.every(({ isSilent }) => isSilent))
        this.#unproven.push(
          `${place} ${named(untold)}: accepted by ${this.#name(stateId)} after its last facts; it is silent, and only it knows what became of them`,
        );
    }
  }

  #auditFiles(log: Log): void {
    this.#auditDoubles(log);
    const place = `${log.topic}/${log.partition}`;
    const byState = new Map<string, OffsetSet>();
    const isGone = new Set(
      this.#input.gateways
        .filter(({ facts }) => facts.ended?.why === 'recovered')
        .map(({ facts }) => facts.stateId),
    );
    const groups = new Set([
      ...log.groups.map(({ group }) => group),
      ...log.facts.map(({ partition }) => partition.group),
    ]);
    for (const group of groups)
      for (const [stateId, set] of this.#accepted(log, group))
        for (const { from, to } of set.runs()) {
          const known = byState.get(stateId) ?? new OffsetSet();
          byState.set(stateId, known);
          known.add(from, to);
        }
    for (const { stateId, partition } of log.facts.map(({ gateway, partition: one }) => ({
      ...gateway.facts,
      partition: one,
    }))) {
      const known = byState.get(stateId) ?? new OffsetSet();
      byState.set(stateId, known);
      known.add(0, partition.rangesFrom);
    }
    for (const { path, stateId, runs } of log.files) {
      let rest = offsetsOf([{ runs }]);
      for (const owner of [stateId, ...isGone]) rest = minus(rest, byState.get(owner) ?? new OffsetSet());
      if (!rest.isEmpty)
        this.#find(
          'outside',
          path,
          `${place} ${named(rest)}: ${this.#name(stateId)} landed them and never accepted them`,
        );
    }
    this.#auditCounts(log);
  }

  /** Files of the log in order of their offsets: whoever begins before another's end has the same offsets. */
  #auditDoubles(log: Log): void {
    const pieces = log.files
      .flatMap(({ path, stateId, sink, runs }) =>
        runs.map(({ from, to }) => ({ path, stateId, sink, from, to })),
      )
      .sort((a, b) => a.from - b.from || a.to - b.to);
    const open: (typeof pieces)[number][] = [];
    for (const piece of pieces) {
      for (let at = open.length - 1; at >= 0; at--) if ((open[at]?.to ?? 0) <= piece.from) open.splice(at, 1);
      const other = open.find(({ stateId, sink }) => stateId !== piece.stateId || sink === piece.sink);
      if (other !== undefined) {
        const both = OffsetSet.of(piece.from, Math.min(piece.to, other.to));
        this.#find(
          'overlap',
          `${log.topic}/${log.partition}`,
          `${named(both)}: in ${other.path} and in ${piece.path}`,
        );
      }
      open.push(piece);
    }
  }

  #auditCounts(log: Log): void {
    for (const { gateway, partition } of log.facts) {
      const { stateId, sink } = gateway.facts;
      const own = log.files.filter((file) => file.stateId === stateId && file.sink === sink);
      const found = own.reduce((sum, { events }) => sum + events, 0);
      if (found >= partition.landedEvents) continue;
      const accepted = new OffsetSet();
      for (const [from, to] of partition.ranges) accepted.add(from, Math.min(to, partition.landedTo));
      const rest = minus(accepted, offsetsOf(own));
      this.#find(
        'files-missing',
        `${log.topic}/${log.partition}`,
        `${this.#name(stateId)} landed ${partition.landedEvents} events for ${sink}, files hold ${found}; among ${named(rest)}`,
      );
    }
  }

  #name(stateId: string): string {
    return this.#names.get(stateId) ?? stateId;
  }

  #find(kind: FleetAuditFinding['kind'], place: string, what: string): void {
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push({ kind, place, what });
    else this.#leftOut++;
  }
}

function offsetsOf(files: readonly Pick<FilePiece, 'runs'>[]): OffsetSet {
  const set = new OffsetSet();
  for (const { runs } of files) for (const { from, to } of runs) set.add(from, to);
  return set;
}

function named(set: OffsetSet): string {
  const runs = new NamedRuns();
  for (const { from, to } of set.runs()) runs.add(from, to);
  return runs.toString();
}
