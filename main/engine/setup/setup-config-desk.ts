/**
 * The configuration before there is one: a template to begin with, problems while typing, and the step that makes the file. What is
 * written is a configuration that was checked whole, in a state directory that can be opened; a file that somebody makes meanwhile is
 * not written over.
 *
 * Order of applying: the version is staged in the history of the new state directory, the file is made, the version is brought into
 * force. Killed before the file: nothing was done, and the next setup begins anew. After it: the engine starts with the file.
 */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { NOTHING_HELD } from '../../../shared/model/holdings.ts';
import { openStateDirectory } from '../../channel/state-directory.ts';
import { digestOfBytes, readConfigText, usableConfig, type LoadedConfig } from '../../config/config-file.ts';
import { compareConfigs } from '../../config/config-change.ts';
import { plainProblems } from '../../config/config-render.ts';
import { maskText } from '../../config/config-secret.ts';
import { ConfigStore } from '../../config/config-store.ts';
import { stageFile } from '../../config/config-writer.ts';
import { defaultStateDirectory } from '../../config/state-directory.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { crashPoint } from '../../telemetry/crash-point.ts';
import { plainChange } from '../config-applier.ts';
import { candidateOf, readFileState, reviewText, withTrial } from '../config-review.ts';
import { templateText, type ListenAddress } from './setup-template.ts';

type Faces = Pick<EngineApi, 'configText' | 'configCheck' | 'configApply'>;

export interface SetupConfigDeskOptions {
  readonly configFile: string;
  /** Where the setup itself listens. */
  readonly stateDir: string;
  readonly console: ListenAddress | undefined;
  readonly clock: Clock;
  /** Called when the file is made; the answer is still on its way. */
  readonly onApplied: (loaded: LoadedConfig) => void;
}

export class SetupConfigDesk implements Faces {
  readonly #options: SetupConfigDeskOptions;
  #queue: Promise<unknown> = Promise.resolve();
  #isApplied = false;

  constructor(options: SetupConfigDeskOptions) {
    this.#options = options;
  }

  readonly configText = async ({ of }: ParsedInput<'configText'>): Promise<Output<'configText'>> => {
    const { configFile: path } = this.#options;
    if (of.kind === 'running' || of.kind === 'version') throw setupNeeded(of.kind);
    const file = await readFileState(path);
    if (of.kind === 'text') {
      const { problems } = reviewText(of.text, { path, base: file.text });
      const sha256 = digestOfBytes(Buffer.from(of.text));
      return { text: maskText(of.text).text, sha256, isRunning: false, problems: plainProblems(problems) };
    }
    const text = file.bytes === undefined ? this.#template() : file.text;
    const { problems } = withTrial(readConfigText(text, { path }));
    return {
      text: maskText(text).text,
      sha256: file.sha256,
      isRunning: false,
      problems: plainProblems(problems),
    };
  };

  readonly configCheck = async ({ text }: ParsedInput<'configCheck'>): Promise<Output<'configCheck'>> => {
    const { configFile: path } = this.#options;
    const { text: base } = await readFileState(path);
    const { problems } = reviewText(text, { path, base });
    const isUsable = !problems.some(({ severity }) => severity === 'error');
    return { problems: plainProblems(problems), isUsable };
  };

  readonly configApply = (input: ParsedInput<'configApply'>): Promise<Output<'configApply'>> => {
    const result = this.#queue.then(() => this.#apply(input));
    // The next one begins after this one whatever became of it; its error is its caller's.
    this.#queue = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };

  async #apply({ text, baseSha256, by, note }: ParsedInput<'configApply'>): Promise<Output<'configApply'>> {
    const { configFile: path, stateDir, clock, onApplied } = this.#options;
    if (this.#isApplied) throw startsNow();
    const file = await readFileState(path);
    const candidate = candidateOf({ path, text, baseSha256, file, isVerbatim: false });
    const { gateway } = usableConfig(candidate.loaded);
    // What the engine would only find when this setup has gone. Its own directory is open already.
    using _directory = isSamePath(gateway.stateDir, stateDir)
      ? undefined
      : openStateDirectory(gateway.stateDir, clock.nowMs());
    const staged = await stageFile({ path, base: file.bytes, bytes: candidate.bytes });
    const history = new ConfigStore(gateway.stateDir);
    const version = await history.stage({ text: candidate.loaded.text, by, note, nowMs: clock.nowMs() });
    try {
      crashPoint('config.before-file');
      await staged.commit();
    } catch (error) {
      await staged.discard();
      await version.discard();
      throw error;
    }
    crashPoint('config.after-file');
    await version.commit();
    crashPoint('config.after-history');
    this.#isApplied = true;
    onApplied(candidate.loaded);
    const change = plainChange(firstChange(candidate.loaded));
    return {
      version: version.version.number,
      sha256: digestOfBytes(candidate.bytes),
      change: { ...change, notes: [...change.notes, ...this.#moveNotes(candidate.loaded)] },
    };
  }

  /** What is not where the setup was; the operator has to know it after the next start. */
  #moveNotes(loaded: LoadedConfig): string[] {
    const { stateDir, console } = this.#options;
    const { gateway, console: section } = usableConfig(loaded);
    const notes: string[] = [];
    if (!isSamePath(gateway.stateDir, stateDir))
      notes.push(
        `The state directory is ${gateway.stateDir}, the setup’s was ${stateDir}. Both lead to the engine until it ends; after that find it by --config or by its own directory.`,
      );
    if (console !== undefined && section === undefined)
      notes.push(
        'The configuration has no console: this one ends with the setup. Add "console: { listen: … }" to keep it.',
      );
    else if (
      console !== undefined &&
      (section?.listen.host !== console.host || section.listen.port !== console.port)
    )
      notes.push('The console moves to the address in the configuration.');
    return notes;
  }

  #template(): string {
    const { stateDir, console } = this.#options;
    return templateText({
      hostName: hostname(),
      timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      stateDir: isSamePath(stateDir, defaultStateDirectory()) ? undefined : stateDir,
      console,
    });
  }
}

function isSamePath(left: string, right: string): boolean {
  return resolve(left) === resolve(right);
}

/** Everything is new. */
function firstChange(loaded: LoadedConfig): ReturnType<typeof compareConfigs> {
  const config = usableConfig(loaded);
  const { console: _console, metrics: _metrics, ...rest } = config;
  const nothing = { ...rest, sources: {}, channels: {}, sinks: {} };
  return compareConfigs(nothing, config, NOTHING_HELD);
}

/** For every call that needs an engine with a configuration. */
export function setupNeeded(call: string): GatewayError {
  return new GatewayError({
    code: 'setup-needed',
    operation: `answer ${call}`,
    place: '',
    message: 'there is no configuration yet',
    retry: 'never',
    hint: 'Make one with the first-run wizard, or write the file and start the engine again.',
  });
}

function startsNow(): GatewayError {
  return new GatewayError({
    code: 'config-conflict',
    operation: 'apply the configuration',
    place: '',
    message: 'another first configuration was applied a moment ago; the engine starts with it',
    retry: 'backoff',
    hint: 'Load the file again when the engine runs.',
  });
}
