/**
 * The one way by which a configuration comes into force, whether somebody edited the file or sent a text: one change after the other.
 *
 * Promise: an applied text is the file, what runs, and the newest version of the history; a refused one changes none of them. Who edits
 * the file and who edits in a console never overwrite each other without being told.
 *
 * Order of a change that is sent: it is checked and compared; its version is staged in the history; the flow makes new parts and,
 * where a sink goes, makes sure that nothing is left for it. Only then, when nothing can refuse it any more, (1) the file is exchanged, (2) the
 * version is brought into force, (3) the flow goes over to the new parts.
 *
 * Killed before (1): the old file runs after the restart, and the staged version goes. Between (1) and (2): the new file runs, and the start
 * finds the staged version to be the file's and brings it into force. After (2): the new file runs and is the newest version. What was
 * put under new rules before the kill was placed by them, as after a hand edit that was taken back.
 *
 * A failure of (1) or (2) is a refusal: the old parts go on, and the file gets its old text back where it had the new one.
 */
import { compareConfigs, type ConfigChange } from '../config/config-change.ts';
import { digestOfBytes, isSameConfig, readConfigFile, type LoadedConfig } from '../config/config-file.ts';
import { plainProblems } from '../config/config-render.ts';
import type { ConfigStore, StagedVersion } from '../config/config-store.ts';
import { stageFile, type StagedFile, type StageFile } from '../config/config-writer.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import type { Output } from '../../shared/contract/control.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import type { AlertBoard } from '../telemetry/alert-board.ts';
import type { Clock } from '../telemetry/clock.ts';
import { crashPoint } from '../telemetry/crash-point.ts';
import type { Logger } from '../telemetry/logger.ts';
import { candidateOf, readFileState, type Candidate, type FileState } from './config-review.ts';
import type { Flow } from './flow.ts';

/** How long a landing worker may finish uploads when its sink's settings changed. */
const RELOAD_DRAIN_MS = 10 * SECOND_MS;

/** Of those who ask at the same moment one can be right: the others edited an older file. */
const APPLIES_WAITING_MAX = 16;

export interface ConfigApplierOptions {
  readonly loaded: LoadedConfig;
  readonly flow: Flow;
  readonly history: ConfigStore;
  readonly board: AlertBoard;
  readonly log: Logger;
  readonly clock: Clock;
  /** Called after each change that was taken over. */
  readonly onApplied: () => void;
  readonly stageFile?: StageFile;
}

/** A text that somebody sends. */
export interface ApplyRequest {
  readonly text: string;
  /** Digest of the file's bytes that were edited. */
  readonly baseSha256: string;
  readonly by: string;
  readonly note: string;
  /** A version as it was, not a text with secrets taken out. */
  readonly isVerbatim: boolean;
}

/** A change on its way, with what makes it lasting. */
interface Change {
  readonly fresh: LoadedConfig;
  readonly config: GatewayConfig;
  readonly change: ConfigChange;
  readonly by: string;
  readonly note: string;
  /** Absent: the file has the text already. */
  readonly file: StagedFile | undefined;
}

export class ConfigApplier {
  readonly #options: ConfigApplierOptions;
  #loaded: LoadedConfig;
  /** Changes together with the problems, so that nobody sees the new version with the old complaints. */
  #version: number;
  #problems: string[] = [];
  #waiting = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigApplierOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
    this.#version = options.flow.configVersion;
  }

  /** What runs. */
  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  get runningVersion(): number {
    return this.#version;
  }

  /** Why the newest edit of the file was not taken; empty when it runs. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  get history(): ConfigStore {
    return this.#options.history;
  }

  /** A new version of the file: taken over whole, or reported and ignored. Never rejects. */
  fileChanged(fresh: LoadedConfig): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#takeFile(fresh);
      } catch (error) {
        const { place, message, hint } = toErrorReport(error);
        this.#refuse([[place, message, hint].filter((part) => part !== '').join(': ')]);
      }
    });
  }

  /**
   * Writes the file and takes it over. Throws `config-conflict` when the file is not the one that was edited, `config-invalid`,
   * `config-change-refused`, and what keeps the file from being written; then nothing was changed.
   */
  async apply(request: ApplyRequest): Promise<Output<'configApply'>> {
    if (this.#waiting >= APPLIES_WAITING_MAX) throw tooMany(this.#loaded.path);
    this.#waiting++;
    try {
      return await this.#applyInTurn(request);
    } finally {
      this.#waiting--;
    }
  }

  #applyInTurn(request: ApplyRequest): Promise<Output<'configApply'>> {
    return this.#inTurn(async () => {
      const { path } = this.#loaded;
      const file = await readFileState(path);
      const { text, baseSha256, isVerbatim } = request;
      const candidate = candidateOf({ path, text, baseSha256, file, isVerbatim });
      const { config } = candidate.loaded;
      if (config === undefined) throw new Error('a candidate without errors has a configuration');
      const change = await this.compare(this.#options.flow.config, config);
      const refusals = refusalTexts(change);
      if (refusals.length > 0) throw refused(path, refusals);
      this.#options.flow.tryOut(config);
      const { by, note } = request;
      const staged = await this.#staged(file, candidate);
      await this.#takeOver({ fresh: candidate.loaded, config, change, by, note, file: staged });
      // Of what was written, not of what is there now: a hand edit that came right after it has to be a conflict for the next.
      const sha256 = digestOfBytes(candidate.bytes);
      return { version: this.#options.flow.configVersion, sha256, change: plainChange(change) };
    });
  }

  /** What going from one configuration to another would change, and what speaks against it with what is held now. */
  async compare(before: GatewayConfig, after: GatewayConfig): Promise<ConfigChange> {
    return compareConfigs(before, after, await this.#options.flow.writer.perform('holdings'));
  }

  /** Resolves when nothing is being applied. */
  async close(): Promise<void> {
    await this.#queue;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    // The next one begins after this one whatever became of it; its error is its caller's.
    this.#queue = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #takeFile(fresh: LoadedConfig): Promise<void> {
    const { flow } = this.#options;
    // Applied here a moment ago, or back to what runs: there is nothing to do.
    if (isSameConfig(fresh, this.#loaded)) return this.#wellAgain();
    // While it waited its turn the file became another one; the watch brings that.
    if (await isOutdated(fresh)) return;
    const { config } = fresh;
    if (config === undefined) return this.#refuse(errorTexts(fresh));
    const change = await this.compare(flow.config, config);
    const refusals = refusalTexts(change);
    if (refusals.length > 0) return this.#refuse(refusals);
    flow.tryOut(config);
    await this.#takeOver({ fresh, config, change, by: 'file', note: '', file: undefined });
  }

  async #staged(file: FileState, { bytes }: Candidate): Promise<StagedFile | undefined> {
    if (file.bytes?.equals(bytes) === true) return undefined;
    const stage = this.#options.stageFile ?? stageFile;
    return stage({ path: this.#loaded.path, base: file.bytes, bytes });
  }

  async #takeOver(taken: Change): Promise<void> {
    const { flow, log, history, clock, board } = this.#options;
    const { fresh, config, change, by, note } = taken;
    let version: StagedVersion | undefined;
    let isLasting = false;
    try {
      const staged = (version = await history.stage({ text: fresh.text, by, note, nowMs: clock.nowMs() }));
      await flow.apply(config, change, {
        configVersion: staged.version.number,
        drainMs: RELOAD_DRAIN_MS,
        refusals: async () => refusalTexts(await this.compare(flow.config, config)),
        commit: async () => {
          await this.#makeLasting(taken.file, staged);
          isLasting = true;
        },
      });
    } catch (error) {
      // Past that point the file is the new one, and so is what runs; a part that did not stop in order is the caller's to know.
      if (!isLasting) {
        await taken.file?.discard();
        await version?.discard();
      } else this.#taken(fresh);
      throw error;
    }
    this.#taken(fresh);
    board.clear('config-invalid', fresh.path);
    log.info('configuration applied', {
      version: flow.configVersion,
      by,
      parts: change.components.map((one) => `${one.change} ${one.kind} ${one.name}`),
      notes: change.notes,
      afterRestart: [
        ...change.needsRestart.map((key) => `gateway.${key}`),
        ...change.components.filter((one) => one.kind === 'channel').map((one) => `channel ${one.name}`),
        ...change.sections.filter((one) => one !== 'alerts'),
      ],
    });
  }

  async #makeLasting(file: StagedFile | undefined, version: StagedVersion): Promise<void> {
    crashPoint('config.before-file');
    await file?.commit();
    crashPoint('config.after-file');
    try {
      await version.commit();
    } catch (error) {
      await file?.undo();
      throw error;
    }
    crashPoint('config.after-history');
  }

  #taken(fresh: LoadedConfig): void {
    this.#loaded = fresh;
    this.#version = this.#options.flow.configVersion;
    this.#problems = [];
    this.#options.onApplied();
  }

  #wellAgain(): void {
    this.#problems = [];
    this.#options.board.clear('config-invalid', this.#loaded.path);
  }

  /** The running configuration stays; everybody who looks is told why. */
  #refuse(problems: string[]): void {
    this.#problems = problems;
    this.#options.log.warn('the edited configuration is not taken', { problems });
    this.#options.board.raise({
      code: 'config-invalid',
      level: 'warn',
      place: this.#loaded.path,
      message: problems[0] ?? 'it can’t be used',
      hint: 'the running configuration stays; `headgate config check` lists everything',
    });
  }
}

/** What can't be read has no text to compare: it is outdated when there is a readable file now. */
async function isOutdated({ path, text, problems }: LoadedConfig): Promise<boolean> {
  const now = await readConfigFile(path);
  const isUnreadable = problems.some(({ line, severity }) => line === 0 && severity === 'error');
  const isUnreadableNow = now.problems.some(({ line, severity }) => line === 0 && severity === 'error');
  return isUnreadable || isUnreadableNow ? isUnreadable !== isUnreadableNow : now.text !== text;
}

/** As it goes over the wire. */
export function plainChange(change: ConfigChange): Output<'configApply'>['change'] {
  return {
    components: change.components.map((one) => ({ ...one, keys: [...one.keys] })),
    sections: [...change.sections],
    refused: [...change.refused],
    notes: [...change.notes],
    needsRestart: [...change.needsRestart],
    isEmpty: change.isEmpty,
  };
}

function errorTexts(loaded: LoadedConfig): string[] {
  return plainProblems(loaded.problems)
    .filter((problem) => problem.severity === 'error')
    .map(({ line, column, message }) => (line > 0 ? `line ${line}, column ${column}: ${message}` : message));
}

function refusalTexts(change: ConfigChange): string[] {
  return change.refused.map(({ kind, name, reason, hint }) => `${kind} ${name}: ${reason}. ${hint}`);
}

function tooMany(place: string): GatewayError {
  return new GatewayError({
    code: 'config-conflict',
    operation: 'apply the configuration',
    place,
    message: `${APPLIES_WAITING_MAX} other changes wait already`,
    retry: 'backoff',
    hint: 'Load the file again in a moment, compare it with your text, and apply once more.',
  });
}

function refused(place: string, reasons: readonly string[]): GatewayError {
  return new GatewayError({
    code: 'config-change-refused',
    operation: 'apply the configuration',
    place,
    message: reasons.join('; '),
    retry: 'never',
    hint: 'Nothing was changed. Land the backlog first, or give the new part a name of its own.',
  });
}
