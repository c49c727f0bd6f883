/**
 * Watches the configuration file and the files it refers to.
 *
 * The *folders* are watched, not the files: editors replace a file by renaming a new one over it, and Kubernetes swaps a link; a watch on the
 * file itself would stay with the old inode.
 */
import { dirname, resolve } from 'node:path';
import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { GatewayError } from '../../shared/errors.ts';
import { fingerprint, readConfigFile } from './config-file.ts';
import type { LoadedConfig, ReadOptions } from './config-file.ts';

/** Long enough for an editor's write, rename and permission change; short enough to feel immediate. */
export const DEFAULT_DEBOUNCE_MS = 250;

export interface WatchOptions extends ReadOptions {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly debounceMs?: number;
  /** What is running now: the same text with the same referenced values is not announced again. */
  readonly current?: LoadedConfig;
  /**
   * What runs at this moment. Once it has changed by another way than this watch, a text that was announced before is news again: else a
   * hand edit back to it would not be seen, when what came between was gone before it was read.
   */
  readonly running?: () => LoadedConfig;
  /** A new, valid configuration, or an invalid one with its problems; `loaded.config` tells. */
  readonly onChange: (loaded: LoadedConfig) => void;
  /** The watch itself failed (a folder vanished, too many watches); it keeps trying with what it has. */
  readonly onFault: (error: GatewayError) => void;
}

export interface ConfigWatch {
  /** Resolves when changes are seen from now on. */
  readonly ready: Promise<void>;
  /** Resolves when the watch has ended, after the signal aborted. */
  readonly closed: Promise<void>;
}

export function watchConfig(options: WatchOptions): ConfigWatch {
  const watcher = new ConfigWatcher(options);
  return { ready: watcher.ready, closed: watcher.closed };
}

class ConfigWatcher {
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;
  readonly #options: WatchOptions;
  readonly #path: string;
  readonly #watcher: FSWatcher;
  #interesting: ReadonlySet<string>;
  #timer: NodeJS.Timeout | undefined;
  #lastSeen: string;
  /** What ran when `#lastSeen` was announced. */
  #seenUnder: LoadedConfig | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#path = resolve(options.path);
    this.#lastSeen = fingerprint(options.current);
    this.#seenUnder = options.running?.();
    this.#interesting = new Set([this.#path, ...(options.current?.referencedFiles ?? [])]);
    // Depth 0: the folder's own entries. Links are followed so that a swapped link is a change.
    this.#watcher = watch([...this.#folders()], { ignoreInitial: true, depth: 0, persistent: true });
    this.#watcher.on('all', (_event, path) => {
      if (this.#isInteresting(path)) this.#later();
    });
    this.#watcher.on('error', (cause) => options.onFault(watchFault(this.#path, cause)));
    this.ready = new Promise((done) => {
      const finish = (): void => {
        // What changed between the caller's reading and now had no watcher yet.
        this.#later();
        done();
      };
      if (options.signal.aborted) done();
      this.#watcher.once('ready', finish);
      options.signal.addEventListener('abort', () => done(), { once: true });
    });
    this.closed = new Promise((done) => {
      const stop = (): void => void this.#stop().then(done);
      if (options.signal.aborted) stop();
      else options.signal.addEventListener('abort', stop, { once: true });
    });
  }

  #folders(): Set<string> {
    return new Set([...this.#interesting].map((path) => dirname(path)));
  }

  #isInteresting(path: string): boolean {
    const absolute = resolve(path);
    if (this.#interesting.has(absolute)) return true;
    // Kubernetes: the link "..data" in the folder is swapped, the file's own entry is not touched.
    return (
      absolute.endsWith('..data') &&
      [...this.#interesting].some((known) => dirname(known) === dirname(absolute))
    );
  }

  #later(): void {
    if (this.#options.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#reading = this.#reading.then(() => this.#read());
    }, this.#options.debounceMs ?? DEFAULT_DEBOUNCE_MS);
  }

  async #read(): Promise<void> {
    try {
      const loaded = await readConfigFile(this.#path, this.#options);
      if (this.#options.signal.aborted) return;
      this.#follow(loaded);
      const seen = fingerprint(loaded);
      const running = this.#options.running?.();
      if (seen === this.#lastSeen && running === this.#seenUnder) return;
      this.#lastSeen = seen;
      this.#seenUnder = running;
      this.#options.onChange(loaded);
    } catch (cause) {
      this.#options.onFault(watchFault(this.#path, cause));
    }
  }

  /** Files that the new text refers to are watched too; folders already watched cost nothing. */
  #follow(loaded: LoadedConfig): void {
    if (loaded.referencedFiles.length === 0) return;
    const before = this.#folders();
    this.#interesting = new Set([this.#path, ...loaded.referencedFiles]);
    const added = [...this.#folders()].filter((folder) => !before.has(folder));
    if (added.length > 0) this.#watcher.add(added);
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#watcher.close();
    await this.#reading;
  }
}

function watchFault(path: string, cause: unknown): GatewayError {
  return new GatewayError({
    code: 'io-error',
    operation: 'watch the configuration',
    place: path,
    message: 'changes of the configuration file may not be seen',
    retry: 'backoff',
    hint: '`headgate config apply` applies the file without the watch.',
    cause,
  });
}
