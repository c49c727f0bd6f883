/**
 * The configuration at the desk: texts without their secrets, problems while typing, differences, and the way to apply, look back and go back.
 * No answer holds a secret that is written out in the file, in a version or in a text that was handed over.
 */
import type { ConfigReference } from '../../../shared/contract/control-config.ts';
import type { ConfigProblem } from '../../../shared/contract/config-problem.ts';
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import { digestOfBytes, readConfigText, type LoadedConfig } from '../../config/config-file.ts';
import { plainProblems } from '../../config/config-render.ts';
import { maskText } from '../../config/config-secret.ts';
import { lineDiff } from '../../config/line-diff.ts';
import { diffText } from '../../config/masked-lines.ts';
import { plainChange, type ConfigApplier } from '../config-applier.ts';
import { readFileState, reviewText, withTrial } from '../config-review.ts';

type Faces = Pick<
  EngineApi,
  'configText' | 'configCheck' | 'configDiff' | 'configApply' | 'configHistory' | 'configRollback'
>;

/** A text that is meant, with what it gives. */
interface MeantText {
  /** As it is, secrets included. */
  readonly text: string;
  /** Of the file's own bytes, or of the text. */
  readonly sha256: string;
  readonly loaded: LoadedConfig;
  /** Marks in it stand for secrets of this text. */
  readonly base: string | undefined;
}

export class ConfigDesk implements Faces {
  readonly #applier: ConfigApplier;

  constructor(applier: ConfigApplier) {
    this.#applier = applier;
  }

  readonly configText = async ({ of }: ParsedInput<'configText'>): Promise<Output<'configText'>> => {
    const { text, sha256, loaded } = await this.#meant(of);
    return {
      text: maskText(text).text,
      sha256,
      isRunning: text === this.#applier.loaded.text,
      problems: plainProblems(loaded.problems),
    };
  };

  readonly configCheck = async ({ text }: ParsedInput<'configCheck'>): Promise<Output<'configCheck'>> => {
    const { problems } = await this.#reviewed(text);
    return { problems: plainProblems(problems), isUsable: !problems.some(isError) };
  };

  readonly configDiff = async ({ from, to }: ParsedInput<'configDiff'>): Promise<Output<'configDiff'>> => {
    const [before, after] = [await this.#meant(from), await this.#meant(to)];
    const [old, fresh] = [before.loaded.config, after.loaded.config];
    const problems = after.loaded.problems.some(isError) ? after.loaded.problems : before.loaded.problems;
    const isComparable = old !== undefined && fresh !== undefined && !problems.some(isError);
    return {
      lines: lineDiff(diffText(before.text, before.base), diffText(after.text, after.base)),
      ...(isComparable ? { change: plainChange(await this.#applier.compare(old, fresh)) } : {}),
      problems: plainProblems(problems.some(isError) ? problems : after.loaded.problems),
    };
  };

  readonly configApply = ({
    text,
    baseSha256,
    by,
    note,
  }: ParsedInput<'configApply'>): Promise<Output<'configApply'>> =>
    this.#applier.apply({ text, baseSha256, by, note, isVerbatim: false });

  readonly configHistory = async (): Promise<Output<'configHistory'>> => {
    const version = this.#applier.runningVersion;
    const versions = await this.#applier.history.list();
    return {
      versions: versions.reverse().map(({ number, appliedAtMs, by, note, sha256 }) => ({
        number,
        appliedMs: appliedAtMs,
        by,
        ...(note === undefined ? {} : { note }),
        sha256,
        isRunning: number === version,
      })),
    };
  };

  readonly configRollback = async ({
    number,
    baseSha256,
    by,
  }: ParsedInput<'configRollback'>): Promise<Output<'configRollback'>> => {
    const text = await this.#applier.history.read(number);
    return this.#applier.apply({
      text,
      baseSha256,
      by,
      note: `back to version ${number}`,
      isVerbatim: true,
    });
  };

  async #meant(of: ConfigReference): Promise<MeantText> {
    const { loaded: running } = this.#applier;
    const { path } = running;
    switch (of.kind) {
      case 'running':
        return { text: running.text, sha256: running.sha256, loaded: running, base: undefined };
      case 'file': {
        const { text, sha256 } = await readFileState(path);
        return { text, sha256, loaded: withTrial(readConfigText(text, { path })), base: undefined };
      }
      case 'version': {
        const text = await this.#applier.history.read(of.number);
        const loaded = withTrial(readConfigText(text, { path }));
        return { text, sha256: loaded.sha256, loaded, base: undefined };
      }
      case 'text': {
        const { text } = of;
        const { text: base } = await readFileState(path);
        return { text, sha256: digestOfBytes(Buffer.from(text)), loaded: await this.#reviewed(text), base };
      }
    }
  }

  async #reviewed(text: string): Promise<LoadedConfig> {
    const { path } = this.#applier.loaded;
    const { text: base } = await readFileState(path);
    return reviewText(text, { path, base });
  }
}

function isError({ severity }: ConfigProblem): boolean {
  return severity === 'error';
}
