import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { isGatewayError } from '../../shared/errors.ts';
import { ChangeFeed } from './change-feed.ts';
import { ChannelWriter, INTAKE } from './channel-writer.ts';
import type { OperationName } from './channel-operations.ts';
import type { ChannelSettings } from './channel-writer.ts';
import { toWireError } from './writer-protocol.ts';
import type { FromWriter, ToWriter, WriterIdentity } from './writer-protocol.ts';

/** The writer's thread: ports in front, one ChannelWriter behind. An error that nobody expects ends the thread and the engine. */
export interface WriterWorkerData {
  readonly settings: ChannelSettings;
  readonly gatewayId: string;
}

type Port = Pick<MessagePort, 'postMessage' | 'on' | 'close'>;

function serve(main: Port, { settings, gatewayId }: WriterWorkerData): void {
  const ports = new Set<Port>();
  const identity: WriterIdentity = { gatewayId, stateId: settings.stateId };
  const tellAll = (message: FromWriter): void => ports.forEach((port) => port.postMessage(message));
  const feed = new ChangeFeed((sinks) => tellAll({ kind: 'changed', sinks }));
  const writer = new ChannelWriter(settings, {
    touched: (sinks) => feed.touched(sinks),
    room: (room) => tellAll({ kind: 'room', room }),
  });

  function attach(port: Port): void {
    ports.add(port);
    port.on('message', (message: ToWriter) => receive(port, message));
    port.on('close', () => ports.delete(port));
    port.postMessage({ kind: 'ready', identity, room: writer.room } satisfies FromWriter);
  }

  function receive(port: Port, message: ToWriter): void {
    switch (message.kind) {
      case 'call':
        return answer(port, message, writer.submit(message.operation, message.args));
      case 'connect':
        return attach(message.port);
      case 'close':
        return close();
    }
  }

  function close(): void {
    let error: unknown;
    try {
      feed.close();
      writer.close();
    } catch (thrown) {
      error = thrown;
    }
    // Answers of the last group are settled as microtasks; they go out before the farewell.
    setImmediate(() => {
      tellAll({ kind: 'closed', error: error === undefined ? undefined : toWireError(error) });
      for (const port of ports) port.close();
    });
  }

  attach(main);
}

function answer(
  port: Port,
  call: { readonly id: number; readonly operation: OperationName },
  outcome: Promise<unknown>,
): void {
  outcome.then(
    (result) => {
      const transfer = INTAKE.has(call.operation) ? [(result as { bytes: ArrayBuffer }).bytes] : [];
      port.postMessage({ kind: 'result', id: call.id, result } satisfies FromWriter, transfer);
    },
    (error: unknown) => {
      port.postMessage({ kind: 'error', id: call.id, error: toWireError(error) } satisfies FromWriter);
      if (!isGatewayError(error)) endWith(error);
    },
  );
}

/**
 * A programmer error (books that don't balance, a row that can't be): the operation left nothing behind, but what else is wrong is
 * not known. The thread ends with it, and with the thread the engine; the service manager starts it anew from what is durable.
 */
function endWith(error: unknown): void {
  // After the answer has been posted.
  setImmediate(() => {
    throw error;
  });
}

if (parentPort !== null) {
  try {
    serve(parentPort, workerData as WriterWorkerData);
  } catch (error) {
    parentPort.postMessage({ kind: 'unopened', error: toWireError(error) } satisfies FromWriter);
  }
}
