import { open } from 'node:fs/promises';
import type { Job } from '../../shared/contract/control-job.ts';
import { ERROR_CODES, GatewayError, type ErrorCode } from '../../shared/errors.ts';
import type { ControlClient } from '../control/control-client.ts';

/**
 * Starts long work and follows it to its end by the engine's stream; the stream is open before the work begins, so its end can't be
 * missed. Throws the job's own error when it failed, `aborted` when somebody cancelled it, `no-engine` when the engine went.
 */
export async function followJob(
  client: ControlClient,
  start: () => Promise<{ readonly jobId: string }>,
  onProgress: (job: Job) => void = () => undefined,
): Promise<Job> {
  const stop = new AbortController();
  let jobId: string | undefined;
  try {
    for await (const event of client.events(stop.signal)) {
      // The first one is the snapshot: from here on nothing passes us by.
      jobId ??= (await start()).jobId;
      if (event.type !== 'job' || event.job.id !== jobId) continue;
      onProgress(event.job);
      if (event.job.state !== 'running') return ended(event.job);
    }
  } finally {
    stop.abort();
  }
  throw failure({
    code: 'no-engine',
    message: 'the engine went while it worked',
    hint: 'start it, and ask again: jobs end with the engine',
  });
}

/** Writes the file that a job made to a new file, for this user alone. Throws `file-exists`, and what the disk throws. */
export async function saveJobFile(client: ControlClient, id: string, path: string): Promise<number> {
  const handle = await openNew(path);
  try {
    let offset: number | undefined = 0;
    let bytes = 0;
    while (offset !== undefined) {
      const part: { readonly base64: string; readonly next?: number | undefined } = await client.call(
        'jobFile',
        {
          id,
          offset,
        },
      );
      const content = Buffer.from(part.base64, 'base64');
      await handle.write(content);
      bytes += content.length;
      offset = part.next;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

async function openNew(path: string) {
  try {
    return await open(path, 'wx', 0o600);
  } catch (cause) {
    const isThere = cause instanceof Error && Reflect.get(cause, 'code') === 'EEXIST';
    throw failure({
      code: isThere ? 'file-exists' : 'io-error',
      message: isThere ? `${path} is there already` : `${path} can’t be written`,
      hint: 'name another file with -o',
      cause,
    });
  }
}

function ended(job: Job): Job {
  if (job.state === 'done') return job;
  if (job.state === 'cancelled')
    throw failure({ code: 'aborted', message: 'somebody cancelled it', hint: 'ask again' });
  const { message, hint, code } = job.error ?? { message: 'it failed', hint: '', code: 'unknown' };
  throw new GatewayError({
    code: isErrorCode(code) ? code : 'unknown',
    operation: job.title,
    place: '',
    message,
    retry: 'never',
    hint,
  });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

function failure(
  what: Pick<GatewayError, 'code' | 'message' | 'hint'> & { readonly cause?: unknown },
): GatewayError {
  return new GatewayError({ ...what, operation: 'have the engine work', place: '', retry: 'never' });
}
