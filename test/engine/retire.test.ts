/**
 * Goal: whoever retires a gateway is told "may be removed" only when nothing is left in it, and until then it can be taken back.
 * Method: whole engines within the test, from files to a directory: stopped and started in the middle, with writing paused, with events
 * that no rule can place.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RetirementRow } from '../../shared/contract/control-retire.ts';
import { headgate } from '../cli/command-line.ts';
import { until } from '../rig/until.ts';
import { FileGateway, SOURCE } from './file-gateway.ts';
import { INTERCEPTED, PATTERN, quarantined } from './quarantined-lines.ts';

async function rowOf(gateway: FileGateway): Promise<RetirementRow | undefined> {
  return (await gateway.status()).retirements?.[0];
}

const isRetired = (gateway: FileGateway) =>
  until('it has retired', async () => ((await rowOf(gateway))?.state === 'retired' ? true : undefined));

describe('a gateway that retires', () => {
  test('lands what it has, takes nothing new, proves it, tells the others, and stays retired', async () => {
    await using gateway = new FileGateway();
    await gateway.start();
    gateway.write(2_000);
    await gateway.statusIs('it is in', ({ sources: [source] }) => (source?.events ?? 0) >= 2_000);
    const outcome = await headgate('retire', '--state-dir', gateway.stateDir, '--yes');
    expect(outcome).toMatchObject({ status: 0 });
    expect(outcome.stdout).toContain('may be removed');
    await expectAllLanded(gateway);

    const before = [...gateway.written];
    gateway.write(100);
    const status = await headgate('status', '--state-dir', gateway.stateDir);
    expect(status.stdout).toContain('RETIRED: this gateway may be removed');
    await gateway.stop();
    await gateway.start();
    expect(await rowOf(gateway)).toMatchObject({ state: 'retired' });
    const undone = await headgate('retire', '--state-dir', gateway.stateDir, '--undo');
    expect(undone.status).toBe(2);
    expect(undone.stderr).toContain('it has retired');
    gateway.written.splice(0, Infinity, ...before);
    await expectAllLanded(gateway);
    expect((await gateway.status()).sources[0]?.events).toBe(0);
    expect(await factsOf(gateway)).toContain('"x":[');
  });

  test('goes on after a restart in the middle, waits for the write switch, and says what is left', async () => {
    await using gateway = new FileGateway();
    await gateway.start();
    await gateway.client.call('pause', { by: 'test', why: 'maintenance' });
    gateway.write(500);
    await gateway.statusIs('it is in', ({ channels: [channel] }) => channel?.events === 500);
    await gateway.client.call('retireStart', { by: 'test' });
    await until('it says what is left', async () =>
      (await rowOf(gateway))?.step === '1 file left; writing is paused' ? true : undefined,
    );
    await gateway.stop();
    const lines = [...gateway.written];
    gateway.write(50);
    await gateway.start();
    expect(await rowOf(gateway)).toMatchObject({ state: 'retiring', by: 'test' });
    await until('it says so again', async () => ((await rowOf(gateway))?.filesLeft === 1 ? true : undefined));
    await gateway.client.call('resume', { by: 'test' });
    await isRetired(gateway);
    gateway.written.splice(0, Infinity, ...lines);
    await expectAllLanded(gateway);
  });

  test('is taken back: intake goes on, and nothing is missing or twice', async () => {
    await using gateway = new FileGateway();
    await gateway.start();
    await gateway.client.call('pause', { by: 'test', why: 'maintenance' });
    gateway.write(300);
    await gateway.statusIs('it is in', ({ channels: [channel] }) => channel?.events === 300);
    await gateway.client.call('retireStart', { by: 'test' });
    await until('it retires', async () => ((await rowOf(gateway))?.filesLeft === 1 ? true : undefined));
    expect((await headgate('retire', '--state-dir', gateway.stateDir, '--undo')).status).toBe(0);
    expect(await rowOf(gateway)).toBeUndefined();
    gateway.write(300);
    await gateway.client.call('resume', { by: 'test' });
    await expectAllLanded(gateway);
    await gateway.stop();
    await gateway.start();
    gateway.write(10);
    await expectAllLanded(gateway);
  });

  test('waits for events in quarantine, about which an operator has to decide', async () => {
    await using gateway = new FileGateway({ source: INTERCEPTED(PATTERN, '(www)') });
    await gateway.start();
    gateway.write(7);
    await quarantined(gateway, 7);
    await gateway.client.call('retireStart', { by: 'test' });
    await until('it asks for a decision', async () =>
      (await rowOf(gateway))?.step?.includes('7 events in quarantine') === true ? true : undefined,
    );
    await gateway.client.call('quarantineDrop', { selection: { all: true }, by: 'test', why: 'noise' });
    await isRetired(gateway);
  });

  test('a single source leaves alone; the gateway goes on', async () => {
    await using gateway = new FileGateway();
    await gateway.start();
    gateway.write(100);
    await gateway.statusIs('it is in', ({ sources: [source] }) => (source?.events ?? 0) >= 100);
    const outcome = await headgate('retire', '--state-dir', gateway.stateDir, '--source', SOURCE, '--yes');
    expect(outcome.stdout).toContain(`the source ${SOURCE} may be removed`);
    await expectAllLanded(gateway);
    expect(await factsOf(gateway)).not.toContain('"x":[');
    const unknown = await headgate('retire', '--state-dir', gateway.stateDir, '--source', 'nobody', '--yes');
    expect(unknown.status).toBe(2);
    const unasked = await headgate('retire', '--state-dir', gateway.stateDir);
    expect(unasked.status).toBe(2);
  });
});

/** By the files: every line in one of them, none twice. */
async function expectAllLanded(gateway: FileGateway): Promise<void> {
  await gateway.allLanded();
  expect((await gateway.landed()).sort()).toEqual([...gateway.written].sort());
}

/** What the others read of this gateway: all facts' files, whatever their names. */
async function factsOf(gateway: FileGateway): Promise<string> {
  const folder = join(gateway.output, '.headgate');
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.json'));
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
}
