import { GatewayError } from '../../shared/errors.ts';
import type { FileId } from '../../shared/model/brand.ts';
import { sidecarName } from '../../shared/model/file-stamp-names.ts';
import type { LandingKey, OutputCodec } from '../../shared/model/landing-key.ts';

/** What HDFS and every local file system take for one name. */
export const NAME_BYTES_MAX = 255;
/** A final name leaves room for what makes it a temp name: the dot, the attempt, the in-use prefix and suffix. */
export const FINAL_NAME_BYTES_MAX = 200;
/** At least this much of the prefix is kept, or the settings are refused. */
const PREFIX_BYTES_MIN = 8;

/** Hadoop picks the decompressor by these. */
const CODEC_EXTENSIONS: Readonly<Record<OutputCodec, string>> = { none: '', gzip: '.gz', zstd: '.zst' };

export interface FileNameOptions {
  readonly gatewayId: string;
  /** The operator wants the codec's extension in front of a suffix that is set; Hadoop will not unpack such a file by itself. */
  readonly hasCodecExtensionBeforeSuffix: boolean;
  /** Its directory was marked as complete before these events came; the prefix says so. */
  readonly isLate?: boolean;
}

/** Ends the prefix of a file of late events: readers that look for the prefix find it still. */
const LATE = '-late';

/**
 * The final name `<prefix>.<gateway id>.<file id>[.<codec ext>]<suffix>` (config.md). With an empty suffix the codec's extension
 * ends the name. A long prefix is cut at a character: the file id alone keeps names apart.
 * Throws `config-invalid` when the suffix leaves no room.
 */
export function finalName(key: LandingKey, fileId: FileId, options: FileNameOptions): string {
  const isExtended = key.suffix === '' || options.hasCodecExtensionBeforeSuffix;
  const extension = isExtended ? CODEC_EXTENSIONS[key.codec] : '';
  const tail = `${options.gatewayId}.${fileId}${extension}${key.suffix}`;
  const room = FINAL_NAME_BYTES_MAX - Buffer.byteLength(tail) - 1;
  if (room < PREFIX_BYTES_MIN) {
    throw new GatewayError({
      code: 'config-invalid',
      operation: 'name a file',
      place: key.directory,
      message: `The file suffix ${JSON.stringify(key.suffix.slice(0, 40))} leaves no room in a file name.`,
      retry: 'never',
      hint: 'Choose a shorter fileSuffix for this sink.',
    });
  }
  const late = options.isLate === true ? LATE : '';
  const prefix = cutToBytes(key.prefix, room - late.length) + late;
  return prefix === '' ? tail : `${prefix}.${tail}`;
}

/** The path of a name in a landing key's directory; the root has no second slash. */
export function pathIn(directory: string, name: string): string {
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}

export interface TempNameOptions {
  readonly attempt: number;
  /** Makes the name unique although a plan was forgotten or restored: lower-case letters and digits. */
  readonly nonce: string;
  readonly inUsePrefix: string;
  readonly inUseSuffix: string;
}

/**
 * The path that one attempt writes to, in the final directory. It begins with `.` or `_`, so that Hadoop's jobs do not read it;
 * Flume's in-use prefix and suffix only change how it reads.
 */
export function tempPath(finalPath: string, fileId: FileId, options: TempNameOptions): string {
  const slash = finalPath.lastIndexOf('/');
  const hidden = /^[._]/.test(options.inUsePrefix) ? options.inUsePrefix : `.${options.inUsePrefix}`;
  const tail = `.${options.attempt}-${options.nonce}${options.inUseSuffix}`;
  const name = `${hidden}${finalPath.slice(slash + 1)}${tail}`;
  // In-use texts that are too long give way to the file id, which is what the name is needed for.
  const fitting = [name, `${hidden}${fileId}${tail}`, `.${fileId}.${options.attempt}-${options.nonce}`];
  const chosen = fitting.find((candidate) => Buffer.byteLength(candidate) <= NAME_BYTES_MAX);
  return `${finalPath.slice(0, slash + 1)}${chosen ?? `.${fileId}`}`;
}

/** The hidden file beside the landed one that holds what does not fit into attributes. */
export function sidecarPath(directory: string, fileId: FileId): string {
  return pathIn(directory, sidecarName(fileId));
}

function cutToBytes(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
