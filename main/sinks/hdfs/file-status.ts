import { GatewayError } from '../../../shared/errors.ts';
import type { TargetEntry, TargetStat } from '../../landing/target.ts';

/** What the servers answer in JSON, read by hand: fields we do not know are left alone, fields we need are checked. */
export type Json = Readonly<Record<string, unknown>>;

export interface FileStatus {
  readonly name: string;
  readonly stat: TargetStat;
  /** Why GETFILECHECKSUM can't be compared with what was sent; undefined when it can. */
  readonly checksumObstacle: string | undefined;
}

/** The object under `key` of a reply. Throws `transport` when the body is not what the operation answers. */
export function objectIn(body: string, key: string, place: string): Json {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (cause) {
    throw nonsense(place, `no JSON with ${key}`, cause);
  }
  const inner = asJson(parsed)?.[key];
  const object = asJson(inner);
  if (object === undefined) throw nonsense(place, `no ${key} in the answer`);
  return object;
}

/** `{"boolean":true}`. */
export function booleanIn(body: string, place: string): boolean {
  const match = /^\s*\{\s*"boolean"\s*:\s*(true|false)\s*\}\s*$/.exec(body);
  if (match === null) throw nonsense(place, 'no boolean in the answer');
  return match[1] === 'true';
}

export function asJson(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

export function nonsense(place: string, what: string, cause?: unknown): GatewayError {
  return new GatewayError({
    code: 'transport',
    operation: 'read the answer',
    place,
    message: `The server’s answer makes no sense: ${what}.`,
    retry: 'backoff',
    hint: 'Check that the address is that of WebHDFS, and what stands between it and this gateway.',
    cause,
  });
}

export function fileStatus(json: Json, path: string): FileStatus {
  const { pathSuffix, type, length, modificationTime, fileId } = json;
  if (typeof length !== 'number' || (type !== 'FILE' && type !== 'DIRECTORY' && type !== 'SYMLINK')) {
    throw nonsense(path, 'a file status without type or length');
  }
  return {
    name: typeof pathSuffix === 'string' ? pathSuffix : '',
    stat: {
      path,
      type: type === 'DIRECTORY' ? 'directory' : 'file',
      lengthBytes: length,
      inode: typeof fileId === 'number' && fileId > 0 ? String(fileId) : undefined,
      modifiedAtMs: typeof modificationTime === 'number' ? modificationTime : 0,
    },
    checksumObstacle: checksumObstacle(json),
  };
}

function checksumObstacle(json: Json): string | undefined {
  if (json['encBit'] === true) return 'the file is in an encryption zone: HDFS sums the encrypted bytes';
  if (json['ecBit'] === true) return 'the file is erasure coded: HDFS sums it by block groups';
  return undefined;
}

/** `{"FileStatus":[…]}` of a listing. */
export function entriesOf(statuses: Json, directory: string): TargetEntry[] {
  const list = statuses['FileStatus'];
  if (!Array.isArray(list)) throw nonsense(directory, 'a listing without entries');
  return list.map((one: unknown) => {
    const { name, stat } = fileStatus(asJson(one) ?? {}, directory);
    return { name, type: stat.type, lengthBytes: stat.lengthBytes };
  });
}
