/**
 * Every configuration that was applied: `<stateDir>/config-history/000012.yaml` with `000012.json` beside it, mode 0600, newest kept.
 *
 * Promise: a version that `list` shows is whole, and was the running one. The text is written, synced and renamed first, its description
 * last; a crash between the two leaves a text without a description, which is not listed and is written over by the next version.
 *
 * A version is staged (text, and the description under the name `pending.json`) before anything else is changed, so that a full disk is
 * met then, and comes into force by one rename. Who is killed between the change of the configuration file and that rename finds
 * `pending.json` at the next start: if its digest is the file's, the change was made, and the version gets the name, time and
 * note of who made it; otherwise it was not, and the pending one goes.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { GatewayError } from '../../shared/errors.ts';
import type { GatewayErrorOptions } from '../../shared/errors.ts';
import { syncFolder } from './folder-sync.ts';

export const MAX_VERSIONS = 200;
const FOLDER = 'config-history';
const NUMBER_DIGITS = 6;

const versionSchema = z.object({
  number: z.int().min(1),
  appliedAtMs: z.int().min(0),
  /** Who applied it, in words: `file watch`, `cli (root)`, `console`. */
  by: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Why, in the words of who applied it. */
  note: z.string().optional(),
});
export type ConfigVersion = z.output<typeof versionSchema>;

export interface AppliedConfig {
  readonly text: string;
  readonly by: string;
  readonly nowMs: number;
  readonly note?: string;
}

/** A version that is on the disk and not in force. Exactly one of the two is to be called. */
export interface StagedVersion {
  readonly version: ConfigVersion;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

const PENDING = 'pending';

export class ConfigStore {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, FOLDER);
  }

  /**
   * Records an applied text; also finishes or drops what a killed engine left pending. The same text as the newest version's is not recorded
   * again: its version is returned. Calls must not overlap.
   */
  async record(applied: AppliedConfig): Promise<ConfigVersion> {
    const sha256 = digestOf(applied.text);
    const versions = await this.list();
    const newest = versions.at(-1);
    const pending = await this.#pending();
    const isMade =
      pending !== undefined &&
      pending.sha256 === sha256 &&
      newest?.sha256 !== sha256 &&
      pending.number > (newest?.number ?? 0);
    if (isMade) {
      await this.#commit(pending, versions);
      return pending;
    }
    await this.#discard();
    const staged = await this.#stage(applied, versions);
    await staged.commit();
    return staged.version;
  }

  /** Puts a version on the disk without bringing it into force. Throws `disk-full` or `io-error`. Calls must not overlap. */
  async stage(applied: AppliedConfig): Promise<StagedVersion> {
    return this.#stage(applied, await this.list());
  }

  async #stage(
    { text, by, nowMs, note }: AppliedConfig,
    versions: readonly ConfigVersion[],
  ): Promise<StagedVersion> {
    const newest = versions.at(-1);
    const sha256 = digestOf(text);
    if (newest?.sha256 === sha256)
      return { version: newest, commit: async () => {}, discard: async () => {} };
    const version: ConfigVersion = {
      number: (newest?.number ?? 0) + 1,
      appliedAtMs: nowMs,
      by,
      sha256,
      ...(note === undefined || note === '' ? {} : { note }),
    };
    await this.#guarded('record a configuration version', async () => {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      // Each time: an engine that made it may have died before its name was safe.
      await syncFolder(dirname(this.#folder));
      await writeWhole(this.#file(version.number, 'yaml'), text);
      await writeWhole(this.#file(PENDING, 'json'), `${JSON.stringify(version)}\n`);
      await syncFolder(this.#folder);
    });
    return { version, commit: () => this.#commit(version, versions), discard: () => this.#discard() };
  }

  /** One rename, which needs no room. */
  #commit({ number }: ConfigVersion, before: readonly ConfigVersion[]): Promise<void> {
    return this.#guarded('record a configuration version', async () => {
      await rename(this.#file(PENDING, 'json'), this.#file(number, 'json'));
      await syncFolder(this.#folder);
      for (const old of before.slice(0, Math.max(0, before.length + 1 - MAX_VERSIONS))) {
        await rm(this.#file(old.number, 'json'), { force: true });
        await rm(this.#file(old.number, 'yaml'), { force: true });
      }
    });
  }

  #discard(): Promise<void> {
    return this.#guarded('tidy the configuration history', () =>
      rm(this.#file(PENDING, 'json'), { force: true }),
    );
  }

  async #pending(): Promise<ConfigVersion | undefined> {
    const names = await this.#names();
    const name = `${PENDING}.json`;
    return names.includes(name) ? this.#describe(name) : undefined;
  }

  /** All versions, oldest first. */
  async list(): Promise<ConfigVersion[]> {
    const names = await this.#names();
    const found = await Promise.all(
      names.filter((name) => /^\d{6,}\.json$/.test(name)).map((name) => this.#describe(name)),
    );
    return found.filter((version) => version !== undefined).sort((left, right) => left.number - right.number);
  }

  /** The text of a version; checked against its digest. */
  async read(number: number): Promise<string> {
    const version = (await this.list()).find((candidate) => candidate.number === number);
    const text =
      version === undefined
        ? undefined
        : await this.#guarded('read a configuration version', () =>
            readFile(this.#file(number, 'yaml'), 'utf8'),
          );
    if (text === undefined || version === undefined) {
      throw this.#error({
        code: 'file-missing',
        message: `there is no configuration version ${number}`,
        hint: '`headgate config history` lists them.',
      });
    }
    if (digestOf(text) !== version.sha256) {
      throw this.#error({
        code: 'checksum-mismatch',
        message: `configuration version ${number} was changed after it was recorded`,
        hint: 'Choose another version.',
      });
    }
    return text;
  }

  #file(number: number | typeof PENDING, ending: 'yaml' | 'json'): string {
    return join(this.#folder, `${String(number).padStart(NUMBER_DIGITS, '0')}.${ending}`);
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#folder);
    } catch (cause) {
      if (cause instanceof Error && Reflect.get(cause, 'code') === 'ENOENT') return [];
      throw this.#error({
        code: 'io-error',
        message: 'the configuration history cannot be listed',
        hint: 'Check the state directory.',
        cause,
      });
    }
  }

  /** A description that is not readable is no version: see the promise above. */
  async #describe(name: string): Promise<ConfigVersion | undefined> {
    const text = await this.#guarded('read a configuration version', () =>
      readFile(join(this.#folder, name), 'utf8'),
    );
    try {
      const version = versionSchema.safeParse(JSON.parse(text));
      return version.success ? version.data : undefined;
    } catch (cause) {
      if (cause instanceof SyntaxError) return undefined;
      throw cause;
    }
  }

  async #guarded<T>(operation: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
      if (code === 'ENOSPC')
        throw this.#error({
          code: 'disk-full',
          message: `no room to ${operation}`,
          hint: 'Make room on the disk of the state directory.',
          cause,
        });
      throw this.#error({
        code: 'io-error',
        message: `it was not possible to ${operation}`,
        hint: 'Check the state directory.',
        cause,
      });
    }
  }

  #error(fault: StoreFault): GatewayError {
    return new GatewayError({
      ...fault,
      operation: 'keep the configuration history',
      place: this.#folder,
      retry: 'never',
    });
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

type StoreFault = Pick<GatewayErrorOptions, 'code' | 'message' | 'hint' | 'cause'>;

async function writeWhole(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`;
  // A left-over of a crash may have other rights: begin anew.
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}
