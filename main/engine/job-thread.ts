import { Worker } from 'node:worker_threads';

/** What a message of the thread brings; all undefined: only progress. */
export interface ThreadNews<Answer> {
  readonly answer?: Answer;
  readonly failure?: Error;
  /** Nothing follows: the thread may only tidy up. */
  readonly isLast?: boolean;
}

export interface JobThread<Message, Answer> {
  readonly url: URL;
  /** For whoever looks at the threads, and in the error of one that ended without an answer. */
  readonly name: string;
  readonly data: unknown;
  /** What the job's own JavaScript may take. */
  readonly heapMib: number;
  /** Told that it is cancelled (`{kind: 'cancel'}`), or after its last news, the thread has so long to end by itself. */
  readonly graceMs: number;
  readonly signal: AbortSignal;
  readonly onMessage: (message: Message) => ThreadNews<Answer>;
}

export interface JobThreadEnd<Answer> {
  /** The newest one. */
  readonly answer: Answer | undefined;
  readonly failure: Error | undefined;
}

/**
 * Runs a job in a thread of its own, and resolves when the thread is gone, whatever it left. It must hold nothing that has to be kept: one
 * that does not end when it should (a dead server's connection, a call into SQLite, somebody's expression) is ended where it stands.
 */
export function runInThread<Message, Answer>(job: JobThread<Message, Answer>): Promise<JobThreadEnd<Answer>> {
  const { signal, graceMs } = job;
  const worker = new Worker(job.url, {
    workerData: job.data,
    name: job.name,
    resourceLimits: { maxOldGenerationSizeMb: job.heapMib },
  });
  return new Promise((resolve) => {
    let answer: Answer | undefined;
    let failure: Error | undefined;
    let limit: NodeJS.Timeout | undefined;
    const endSoon = (): void => {
      limit ??= setTimeout(() => void worker.terminate(), graceMs);
    };
    const cancel = (): void => {
      worker.postMessage({ kind: 'cancel' });
      endSoon();
    };
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    worker.on('message', (message: Message) => {
      const news = job.onMessage(message);
      answer = news.answer ?? answer;
      failure = news.failure ?? failure;
      if (news.isLast === true || news.failure !== undefined) endSoon();
    });
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', () => {
      clearTimeout(limit);
      signal.removeEventListener('abort', cancel);
      resolve({ answer, failure });
    });
  });
}

/** The same for a job that a cancel leaves without an answer: rejects with the signal's reason, or the thread's own failure. */
export async function answerOfThread<Message, Answer>(job: JobThread<Message, Answer>): Promise<Answer> {
  job.signal.throwIfAborted();
  const { answer, failure } = await runInThread(job);
  job.signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  if (answer === undefined) throw new Error(`the thread “${job.name}” ended without an answer`);
  return answer;
}
