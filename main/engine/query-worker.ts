/** The query worker's thread: a connection that only reads, and the answers over it, one call after the other. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { CHANNEL_FILE, openForReading, wrapped } from '../channel/channel-database.ts';
import { toWireError } from '../channel/writer-protocol.ts';
import { systemClock } from '../telemetry/clock.ts';
import { queriesOn } from './query-answers.ts';
import type { FromQueries, Queries, QueryWorkerData, ToQueries } from './query-messages.ts';

const port = parentPort;
if (port === null) throw new Error('query-worker runs as a worker thread only');
const send = (message: FromQueries): void => port.postMessage(message);

function serve({ stateDir }: QueryWorkerData): void {
  const path = join(stateDir, CHANNEL_FILE);
  const db = openForReading(path);
  const queries = queriesOn(db, () => systemClock.steadyMs()) as Record<
    keyof Queries,
    (input: unknown) => unknown
  >;
  port?.on('message', (message: ToQueries) => {
    if (message.kind === 'close') {
      db.close();
      port?.close();
      return;
    }
    const { id, name, input } = message;
    try {
      send({
        kind: 'result',
        id,
        result: wrapped('read the channel database', path, () => queries[name](input)),
      });
    } catch (error) {
      send({ kind: 'error', id, error: toWireError(error) });
    }
  });
  send({ kind: 'ready' });
}

try {
  serve(workerData as QueryWorkerData);
} catch (error) {
  send({ kind: 'unopened', error: toWireError(error) });
  port.close();
}
