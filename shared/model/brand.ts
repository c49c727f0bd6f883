/**
 * Numbers that must not be mixed up. All are plain numbers at run time; Kafka offsets above 2^53 - 1 do not occur (a topic
 * with a million records a second reaches that after 285 years), and every constructor asserts it.
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** An offset of one partition of one incarnation of a topic. */
export type Offset = Branded<number, 'Offset'>;
/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = Branded<number, 'EpochMs'>;
/** A landed file's id: sorts by time as text, unique in the fleet for ever; `[0-9a-z-]+`. */
export type FileId = Branded<string, 'FileId'>;

export function offset(value: number): Offset {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not an offset: ${value}`);
  return value as Offset;
}

export function epochMs(value: number): EpochMs {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a time in milliseconds: ${value}`);
  return value as EpochMs;
}

export function fileId(value: string): FileId {
  if (!/^[0-9a-z-]{8,64}$/.test(value)) throw new RangeError(`not a file id: ${JSON.stringify(value)}`);
  return value as FileId;
}
