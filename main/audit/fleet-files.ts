/**
 * What all landed files below a root say about themselves: their stamps, attributes or sidecars, whichever gateway wrote them. Nothing
 * is changed, and nothing of the files' content is read.
 */
import { IDENTITY_ATTRIBUTE, REPLAY_ATTRIBUTE } from '../../shared/model/file-stamp-names.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import { isGatewayError } from '../../shared/errors.ts';
import type { Target } from '../landing/target.ts';
import { SIDECAR_BYTES_MAX } from './audit-limits.ts';
import { AuditedTarget, saysNothing } from './audited-target.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { FilePiece } from './fleet-audit.ts';

const AT_ONCE = 8;
const SIDECAR = /^\.headgate-(.+)\.json$/;
const HIDDEN = /^[._]/;
const PARTS = /^parts(?:\.(\d+))?$/;

export interface FleetFiles {
  readonly files: number;
  readonly pieces: readonly FilePiece[];
  /** Visible files without a stamp: somebody else's. */
  readonly foreign: number;
  /** Landed again on purpose: they stand beside the truth of the ledgers. */
  readonly replays: number;
  /** Files whose stamp can't be read, and why. */
  readonly unread: readonly string[];
}

export interface FleetFilesOptions {
  readonly root: string;
  readonly target: Target;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onFile?: (files: number) => void;
}

/** Throws what listing throws when the root itself can't be read. */
export async function readFleetFiles(options: FleetFilesOptions): Promise<FleetFiles> {
  const walk = new FilesWalk(options);
  await walk.directory(options.root.replace(/\/+$/, '') || '/');
  return walk.found;
}

class FilesWalk {
  readonly #options: FleetFilesOptions;
  readonly #target: AuditedTarget;
  readonly #pieces: FilePiece[] = [];
  readonly #unread: string[] = [];
  #files = 0;
  #foreign = 0;
  #replays = 0;

  constructor(options: FleetFilesOptions) {
    this.#options = options;
    this.#target = new AuditedTarget('', options.target, options.clock);
  }

  get found(): FleetFiles {
    return {
      ...{ files: this.#files, foreign: this.#foreign, replays: this.#replays },
      ...{ pieces: this.#pieces, unread: this.#unread },
    };
  }

  async directory(path: string): Promise<void> {
    const { signal, onFile } = this.#options;
    signal.throwIfAborted();
    const entries = (await this.#target.call((one) => one.list(path, signal), signal)) ?? [];
    const below = path === '/' ? '/' : `${path}/`;
    const files = entries.filter(({ type, name }) => type === 'file' && !HIDDEN.test(name));
    const sidecars = new Map<string, string>();
    for (const { type, name } of entries) {
      const fileId = type === 'file' ? SIDECAR.exec(name)?.[1] : undefined;
      if (fileId !== undefined) sidecars.set(fileId, `${below}${name}`);
    }
    for (let at = 0; at < files.length; at += AT_ONCE) {
      await Promise.all(
        files
          .slice(at, at + AT_ONCE)
          .map(({ name }) => this.#file({ path: `${below}${name}`, name, sidecars })),
      );
      onFile?.(this.#files);
    }
    for (const { type, name } of entries)
      if (type === 'directory' && !HIDDEN.test(name)) await this.directory(`${below}${name}`);
  }

  async #file({ path, name, sidecars }: FileAtHand): Promise<void> {
    try {
      const stamp = await this.#stamp(path, name, sidecars);
      this.#files++;
      if (stamp === undefined) this.#foreign++;
      else if (stamp.identity[REPLAY_ATTRIBUTE] !== undefined) this.#replays++;
      else this.#pieces.push(...piecesOf(path, stamp));
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (!isGatewayError(error) && !(error instanceof UnreadableStamp)) throw error;
      this.#target.noteFile(!saysNothing(error));
      this.#unread.push(`${path}: ${error.message}`);
    }
  }

  async #stamp(path: string, name: string, sidecars: FileAtHand['sidecars']): Promise<Stamp | undefined> {
    const { signal } = this.#options;
    const attributes = await this.#target.call((one) => one.attributes(path, signal), signal);
    const identity = attributes?.[IDENTITY_ATTRIBUTE];
    if (identity !== undefined && attributes !== undefined) {
      const stamp = parsed(identity);
      if (stamp['runs'] === 'here') return { identity: stamp, rows: parsedRows(partsText(attributes)) };
      const sidecar = sidecars.get(String(stamp['file']));
      if (sidecar === undefined) throw new UnreadableStamp('its sidecar is missing');
      return this.#sidecar(sidecar);
    }
    // The name ends in the file's id and what the sink puts behind it.
    const fileId = [...sidecars.keys()].find((id) => name.includes(`.${id}`));
    return fileId === undefined ? undefined : this.#sidecar(sidecars.get(fileId) ?? '');
  }

  async #sidecar(path: string): Promise<Stamp> {
    const { signal } = this.#options;
    const text = await this.#target.call(async (one) => {
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of (await one.open(path, signal)) as AsyncIterable<Uint8Array>) {
        bytes += piece.length;
        if (bytes > SIDECAR_BYTES_MAX) throw new UnreadableStamp('its sidecar is longer than any of ours');
        pieces.push(piece);
      }
      return Buffer.concat(pieces).toString('utf8');
    }, signal);
    const identity = parsed(text);
    return { identity, rows: rowsOf(identity['parts']) };
  }
}

interface FileAtHand {
  readonly path: string;
  readonly name: string;
  /** File ids to the paths of their sidecars. */
  readonly sidecars: ReadonlyMap<string, string>;
}

interface Stamp {
  readonly identity: Readonly<Record<string, unknown>>;
  readonly rows: readonly PartRow[];
}

type PartRow = readonly [
  source: string,
  topic: string,
  partition: number,
  incarnation: string,
  first: number,
  last: number,
  count: number,
  runs: string,
];

class UnreadableStamp extends Error {}

function partsText(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .flatMap(([name, text]) => {
      const match = PARTS.exec(name);
      return match === null ? [] : [{ at: Number(match[1] ?? 0), text }];
    })
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text)
    .join('');
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  const value = parsedJson(text);
  if (typeof value !== 'object' || value === null) throw new UnreadableStamp('its stamp is no object');
  return value as Readonly<Record<string, unknown>>;
}

function parsedRows(text: string): readonly PartRow[] {
  return rowsOf(parsedJson(text));
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UnreadableStamp('its stamp can’t be read', { cause });
  }
}

function rowsOf(value: unknown): readonly PartRow[] {
  const isRow = (row: unknown): row is PartRow =>
    Array.isArray(row) && row.length >= 8 && typeof row[1] === 'string' && typeof row[7] === 'string';
  if (!Array.isArray(value) || !value.every(isRow)) throw new UnreadableStamp('its stamp names no offsets');
  return value;
}

function piecesOf(path: string, { identity, rows }: Stamp): FilePiece[] {
  return rows.map(([, topic, partition, incarnation, first, , events, runs]) => ({
    ...{ path, topic, partition, incarnation, events },
    stateId: String(identity['state']),
    sink: String(identity['sink']),
    runs: runsOf(first, runs),
  }));
}

function runsOf(first: number, text: string): { readonly from: number; readonly to: number }[] {
  try {
    return [...decodeRuns(first, Buffer.from(text, 'base64url'))];
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UnreadableStamp('its stamp names damaged runs', { cause });
  }
}
