/** The query worker's thread: a connection that only reads, and the answers over it, one call after the other. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { CHANNEL_FILE, openForReading, toChannelError } from '../channel/channel-database.ts';
import { WriterClient } from '../channel/writer-client.ts';
import { toWireError } from '../channel/writer-protocol.ts';
import { systemClock } from '../telemetry/clock.ts';
import { queriesOn } from './query-answers.ts';
import type { FromQueries, Queries, QueryWorkerData, ToQueries } from './query-messages.ts';

const port = parentPort;
if (port === null) throw new Error('query-worker runs as a worker thread only');
const send = (message: FromQueries): void => port.postMessage(message);

function serve({ stateDir, writer }: QueryWorkerData): void {
  const path = join(stateDir, CHANNEL_FILE);
  const db = openForReading(path);
  let client: Promise<WriterClient> | undefined;
  const inMemory = async (chunkId: number): Promise<Uint8Array | undefined> => {
    if (writer === undefined) return undefined;
    client ??= WriterClient.connect(writer);
    return (await client).perform('chunkBody', chunkId);
  };
  const queries = queriesOn(db, { steadyMs: () => systemClock.steadyMs(), inMemory }) as Record<
    keyof Queries,
    (input: unknown) => unknown
  >;
  port?.on('message', (message: ToQueries) => {
    if (message.kind === 'close') {
      db.close();
      writer?.close();
      port?.close();
      return;
    }
    const { id, name, input } = message;
    void answered(() => queries[name](input), path).then(
      (result) => send({ kind: 'result', id, result }),
      (error: unknown) => send({ kind: 'error', id, error: toWireError(error) }),
    );
  });
  send({ kind: 'ready' });
}

async function answered(ask: () => unknown, path: string): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    throw toChannelError(error, 'read the channel database', path);
  }
}

try {
  serve(workerData as QueryWorkerData);
} catch (error) {
  send({ kind: 'unopened', error: toWireError(error) });
  port.close();
}
