/**
 * A landing worker's thread: one sink's lander, its target, and a reader of chunks; the writer is reached over a port.
 *
 * The lander knows its plans and changes them only itself, with one exception: an operator's decision about a held file
 * (`landingRelease`), after which `plans-changed` makes it read them again.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toErrorReport } from '../../shared/errors.ts';
import { ChannelChunkReader } from '../channel/chunk-reader.ts';
import { WriterClient } from '../channel/writer-client.ts';
import type { LandingEvent } from '../landing/lander-status.ts';
import { CompletenessWriter, type MarkerQueue } from '../landing/completeness-writer.ts';
import { Lander } from '../landing/lander.ts';
import { LandingMarker } from '../landing/landing-marker.ts';
import { createTarget } from '../sinks/create-target.ts';
import { systemClock } from '../telemetry/clock.ts';
import { crashPoint } from '../telemetry/crash-point.ts';
import type { FromLander, LandingWorkerData, ToLander } from './landing-messages.ts';

/** Status goes to the main thread this often while anything moves. */
const STATUS_INTERVAL_MS = 250;

const port = parentPort;
if (port === null) throw new Error('landing-worker runs as a worker thread only');
const send = (message: FromLander): void => port.postMessage(message);

async function serve({ settings, stateDir, writer }: LandingWorkerData): Promise<void> {
  const store = await WriterClient.connect(writer);
  const reader = new ChannelChunkReader(stateDir, (chunkId) => store.perform('chunkBody', chunkId));
  const target = createTarget(settings.target, systemClock);
  const parts = {
    settings: settings.lander,
    store,
    target,
    reader,
    clock: systemClock,
    random: Math.random,
    report: (event: LandingEvent) => send({ kind: 'event', event }),
    crashPoint,
  };
  // One for both: a second would look like another engine's.
  const marker = new LandingMarker(parts);
  const lander = new Lander({ ...parts, marker });
  const { completenessMarker: markerName } = settings.lander;
  const marking = new AbortController();
  const completeness =
    markerName === undefined
      ? undefined
      : new CompletenessWriter({
          ...parts,
          settings: { ...settings.lander, markerName },
          queue: markerQueue(store),
          checkedNamespace: (signal) => marker.checkedNamespace(signal),
        });
  let last = '';
  const tellStatus = (): void => {
    const status = lander.status();
    const text = JSON.stringify(status);
    if (text === last) return;
    last = text;
    send({ kind: 'status', status });
  };
  const timer = setInterval(tellStatus, STATUS_INTERVAL_MS);
  port?.on('message', (message: ToLander) => {
    if (message.kind === 'land-now') lander.landNow(message.landingKeyId);
    else if (message.kind === 'standings') {
      const { id, landingKeyIds } = message;
      send({ kind: 'standings', id, standings: lander.keyStandings(landingKeyIds) });
    } else if (message.kind === 'ping') send({ kind: 'pong' });
    else if (message.kind === 'wake') lander.wake();
    else if (message.kind === 'duty') lander.changeDuty(message.duty);
    else if (message.kind === 'plans-changed') lander.reloadPlans();
    else void lander.stop(message.drainMs);
  });
  try {
    await Promise.all([
      lander.run(new AbortController().signal).finally(() => marking.abort()),
      completeness?.run(marking.signal),
    ]);
    tellStatus();
  } finally {
    marking.abort();
    clearInterval(timer);
    reader.close();
    await target.close();
    store.disconnect();
  }
}

function markerQueue(store: WriterClient): MarkerQueue {
  return {
    openMarkers: (sink) => store.perform('openMarkers', sink),
    markerAttempt: (id, tempPath) => store.perform('markerAttempt', id, tempPath),
    markerTaken: (id) => store.perform('markerTaken', id),
    markerWritten: (id) => store.perform('markerWritten', id),
    isPaused: (sink) => store.isPaused(sink),
    onChange: (sink, listener) => store.onChange(sink, listener),
  };
}

serve(workerData as LandingWorkerData).then(
  () => {
    send({ kind: 'stopped' });
    port.close();
  },
  (error: unknown) => {
    send({ kind: 'failed', error: toErrorReport(error) });
    port.close();
  },
);
