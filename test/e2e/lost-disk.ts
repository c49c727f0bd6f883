import { rename } from 'node:fs/promises';
import type { RecoverEnd } from '../recovery/recover-process.ts';
import type { TestGateway } from './test-gateway.ts';

/** So many events have landed, as many are accepted and wait; then the machine is gone, and its disk with it. */
export async function loseDisk(gateway: TestGateway, events: number): Promise<void> {
  const engine = await gateway.startReady();
  await gateway.produce(events);
  await gateway.untilLanded();
  await engine.client.call('pause', { by: 'test', why: 'a backlog' });
  await gateway.produce(events);
  await gateway.untilStatus(
    'the backlog is accepted',
    ({ channels: [channel] }) => channel?.events === events && channel.heldEvents === 0,
  );
  await engine.kill();
  await rename(gateway.stateDir, oldDisk(gateway));
}

/** Nobody but a test has the disk still. */
export function oldDisk({ stateDir }: TestGateway): string {
  return `${stateDir}.lost`;
}

export function sumOf(end: RecoverEnd, of: 'landed' | 'claimed' | 'gone'): number {
  return (end.report?.partitions ?? []).reduce((sum, row) => sum + row[of], 0);
}
