/** Rules tried on real events, and a look at a cluster's topics. Neither writes, commits or joins anything; rules run in a thread of their own. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { formatCount } from '../../../shared/units.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import { inThread } from '../what-if/what-if-link.ts';
import type { LookContext } from '../what-if/topic-look.ts';
import type { JobDesk } from './job-desk.ts';
import { meantConfig, type TrialConfigs } from './trial-config.ts';

type Faces = Pick<EngineApi, 'whatIfStart' | 'whatIfResult' | 'kafkaTopics' | 'kafkaSample'>;

/** Looks at topics at a time; each has a thread and connections of its own. */
const LOOKS_MAX = 4;

export interface WhatIfDeskOptions {
  readonly jobs: JobDesk;
  readonly configs: TrialConfigs;
  /** Where backlog and quarantine are; undefined: there is no channel yet. */
  readonly stateDir: string | undefined;
}

export class WhatIfDesk implements Faces {
  readonly #options: WhatIfDeskOptions;
  readonly #closing = new AbortController();
  #looks = 0;

  constructor(options: WhatIfDeskOptions) {
    this.#options = options;
  }

  /** The text is read before the job begins, so that what is wrong with it is the answer. */
  readonly whatIfStart = async (input: ParsedInput<'whatIfStart'>): Promise<Output<'whatIfStart'>> => {
    const { jobs, configs, stateDir } = this.#options;
    const { text, source, sample, by } = input;
    const meant = await meantConfig(configs, text);
    if (meant === undefined) throw nothingRuns();
    const running = text === undefined ? undefined : configs.running()?.config;
    const work = { config: meant.config, running, source, sample, stateDir };
    const title = `try the rules of ${source}`;
    const jobId = jobs.start({ kind: 'what-if', title, by }, async (run) => {
      const { signal } = run;
      const onProgress = (done: number, total: number): void => run.progress('trying events', done, total);
      const result = await inThread<'rules'>({ kind: 'rules', input: work }, { signal, onProgress });
      return { result, summary: summaryOf(result) };
    });
    return { jobId };
  };

  readonly whatIfResult = async ({ jobId }: ParsedInput<'whatIfResult'>): Promise<Output<'whatIfResult'>> =>
    this.#options.jobs.resultOf(jobId, 'what-if') as WhatIfResult;

  readonly kafkaTopics = (input: ParsedInput<'kafkaTopics'>): Promise<Output<'kafkaTopics'>> =>
    this.#look((context, signal) => inThread<'topics'>({ kind: 'topics', input, context }, { signal }));

  readonly kafkaSample = (input: ParsedInput<'kafkaSample'>): Promise<Output<'kafkaSample'>> =>
    this.#look((context, signal) => inThread<'sample'>({ kind: 'sample', input, context }, { signal }));

  /** Ends the looks that are under way. */
  close(): void {
    this.#closing.abort(new Error('the engine is stopping'));
  }

  async #look<Answer>(
    look: (context: Omit<LookContext, 'signal'>, signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#looks >= LOOKS_MAX) throw tooManyLooks();
    this.#looks++;
    const { configs } = this.#options;
    try {
      const running = configs.running()?.config;
      return await look({ path: configs.path(), running }, this.#closing.signal);
    } finally {
      this.#looks--;
    }
  }
}

function summaryOf({ events, placed, directories, directoriesLeftOut }: WhatIfResult): string {
  const count = directories.length + directoriesLeftOut;
  return `${formatCount(placed)} of ${formatCount(events)} events placed, in ${formatCount(count)} ${count === 1 ? 'directory' : 'directories'}`;
}

function nothingRuns(): GatewayError {
  return new GatewayError({
    code: 'setup-needed',
    operation: 'try rules',
    place: '',
    message: 'there is no running configuration to try',
    retry: 'never',
    hint: 'Hand over a configuration as a text.',
  });
}

function tooManyLooks(): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'look at the topics',
    place: '',
    message: `${LOOKS_MAX} others look at topics already`,
    retry: 'backoff',
    hint: 'Try again in a moment.',
  });
}
