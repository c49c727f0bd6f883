/**
 * Goal: directories are marked when, and only when, everything of them has landed; late events say so, and nothing is overwritten.
 * Method: a whole engine without servers: files in, a directory out, hours of a day that is over by the gateway's clock, so that only the
 * events' own times and what waits decide.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DirectoryRow } from '../../shared/contract/control-completeness.ts';
import { until } from '../rig/until.ts';
import { FileGateway, hourly } from './file-gateway.ts';

const DAY = '2026-11-20';

function open(changes: Record<string, unknown> = {}): FileGateway {
  const gateway = new FileGateway();
  gateway.configure(hourly(gateway, changes));
  return gateway;
}

/** Lines of one hour; the minute tells them apart. */
function write(gateway: FileGateway, clock: string, count = 1, file = 'www.log'): void {
  const lines = Array.from({ length: count }, (_, at) => `${DAY}T${clock}:00+0000 ${file} ${at}`);
  gateway.written.push(...lines);
  appendFileSync(join(gateway.input, file), lines.map((line) => `${line}\n`).join(''));
}

function folder(gateway: FileGateway, hour: string): string {
  return join(gateway.output, DAY, hour);
}

function names(gateway: FileGateway, hour: string): string[] {
  return existsSync(folder(gateway, hour)) ? readdirSync(folder(gateway, hour)).sort() : [];
}

function marker(gateway: FileGateway, hour: string, name = '_SUCCESS'): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder(gateway, hour), name), 'utf8')) as Record<string, unknown>;
}

function marked(gateway: FileGateway, hour: string, name = '_SUCCESS'): Promise<unknown> {
  return until(`${hour} has ${name}`, () => names(gateway, hour).includes(name));
}

async function row(
  gateway: FileGateway,
  hour: string,
  isWanted: (row: DirectoryRow) => boolean,
): Promise<DirectoryRow> {
  const find = (rows: readonly DirectoryRow[] = []) => rows.find((one) => one.directory.endsWith(`/${hour}`));
  const status = await gateway.statusIs(`${hour} as wanted`, ({ completeness }) => {
    const found = find(completeness?.[0]?.directories);
    return found !== undefined && isWanted(found);
  });
  return find(status.completeness?.[0]?.directories) as DirectoryRow;
}

describe('marking hours', () => {
  test('an hour is marked with its counts once later events came and its own have landed; the running one is not', async () => {
    await using gateway = open();
    await gateway.start();
    write(gateway, '08:10', 20);
    write(gateway, '08:50', 5);
    // Within the grace of a minute hour 08 may still get events.
    write(gateway, '09:00', 3);
    const waiting = await row(gateway, '08', ({ state, why }) => state === 'waiting' && why.length > 0);
    expect(waiting.why.join()).toMatch(/has come to 2026-11-20T09:00:00|not landed yet/);
    await gateway.allLanded();
    expect(names(gateway, '08')).not.toContain('_SUCCESS');
    write(gateway, '09:01', 4);
    await marked(gateway, '08');
    expect(marker(gateway, '08')).toMatchObject({
      headgate: 'completeness',
      revision: 1,
      gateway: 'gw-1',
      gateways: ['gw-1'],
      end: '2026-11-20T09:00:00.000Z',
      graceMs: 60_000,
      files: expect.any(Number) as number,
      events: 25,
      bytes: readdirSync(folder(gateway, '08'))
        .filter((name) => !name.startsWith('_') && !name.startsWith('.'))
        .reduce((sum, name) => sum + readFileSync(join(folder(gateway, '08'), name)).length, 0),
      quarantined: 0,
      partitionCount: 1,
      partitions: [{ topic: 'www', events: 25, firstOffset: 0, nextOffset: 25, passedBy: 'event-time' }],
    });
    await row(gateway, '08', ({ state, revision }) => state === 'complete' && revision === 1);
    const running = await row(gateway, '09', ({ state, why }) => state === 'waiting' && why.length > 0);
    expect(running.why.join()).toMatch(/www\/\d+ has come to 2026-11-20T09:01:00\.000Z/);
    expect(names(gateway, '09')).not.toContain('_SUCCESS');
    expect(names(gateway, '08').filter((name) => name.startsWith('._SUCCESS'))).toEqual([]);
  });

  test('late events land in a file that says so, with a further marker; nothing is overwritten', async () => {
    await using gateway = open({ completeness: { marker: '.done', grace: '0s' } });
    await gateway.start();
    write(gateway, '08:10', 10);
    write(gateway, '10:00', 1);
    await marked(gateway, '08', '.done');
    const first = readFileSync(join(folder(gateway, '08'), '.done'), 'utf8');
    write(gateway, '08:59', 7);
    await marked(gateway, '08', '.done.r2');
    const late = names(gateway, '08').filter((name) => name.startsWith('FlumeData-late.gw-1.'));
    expect(late).toHaveLength(1);
    expect(readFileSync(join(folder(gateway, '08'), late[0] ?? ''), 'utf8')).toMatch(/T08:59/);
    expect(marker(gateway, '08', '.done.r2')).toMatchObject({
      revision: 2,
      events: 17,
      late: { files: 1, events: 7 },
    });
    expect(readFileSync(join(folder(gateway, '08'), '.done'), 'utf8')).toBe(first);
    const { audit } = await gateway.verdict();
    expect(audit.verdict).toBe('clean');
  });

  test('what waits holds its hour back: a paused sink marks nothing, and says what it waits for', async () => {
    await using gateway = open();
    await gateway.start();
    await gateway.client.call('pause', { why: 'test', by: 'test' });
    write(gateway, '08:10', 10);
    write(gateway, '10:00', 1);
    const waiting = await row(gateway, '08', ({ why }) => why.length === 1);
    expect(waiting.why).toEqual(['10 events of it are not landed yet']);
    expect(existsSync(folder(gateway, '08'))).toBe(false);
    await gateway.client.call('resume', { by: 'test' });
    await marked(gateway, '08');
  });

  test('a file that is behind holds every hour back that it has not passed', async () => {
    await using gateway = open();
    await gateway.start();
    write(gateway, '08:10', 10);
    write(gateway, '08:05', 1, 'other.log');
    write(gateway, '10:00', 1);
    await gateway.allLanded();
    const waiting = await row(gateway, '08', ({ why }) => why.length === 1 && why.join().includes('other/'));
    expect(waiting.why.join()).toMatch(/^other\/\d+ has come to 2026-11-20T08:05:00\.000Z$/);
    expect(names(gateway, '08')).not.toContain('_SUCCESS');
    write(gateway, '11:00', 1, 'other.log');
    await marked(gateway, '08');
  });

  test('with the topic in the path each topic’s hour is its own', async () => {
    await using gateway = open();
    gateway.configure(hourly(gateway, { path: `${gateway.output}/%{topic}/%Y-%m-%d/%H` }));
    await gateway.start();
    write(gateway, '08:10', 10);
    write(gateway, '08:05', 1, 'other.log');
    write(gateway, '10:00', 1);
    const path = join(gateway.output, 'www', DAY, '08', '_SUCCESS');
    await until('www is marked', () => existsSync(path));
    expect(existsSync(join(gateway.output, 'other', DAY, '08', '_SUCCESS'))).toBe(false);
  });

  test('a foreign file under the marker’s name is left alone, with an alert', async () => {
    await using gateway = open();
    mkdirSync(folder(gateway, '08'), { recursive: true });
    writeFileSync(join(folder(gateway, '08'), '_SUCCESS'), 'from a job\n');
    await gateway.start();
    write(gateway, '08:10', 10);
    write(gateway, '10:00', 1);
    const status = await gateway.statusIs('the alert', ({ alerts }) =>
      alerts.some(({ code }) => code === 'marker-foreign'),
    );
    expect(status.alerts.find(({ code }) => code === 'marker-foreign')?.place).toBe(folder(gateway, '08'));
    expect(readFileSync(join(folder(gateway, '08'), '_SUCCESS'), 'utf8')).toBe('from a job\n');
    await row(gateway, '08', ({ state }) => state === 'marking');
  });

  test('what was decided before a restart is remembered: later events are late then, too', async () => {
    await using gateway = open({ completeness: { grace: '0s' } });
    await gateway.start();
    write(gateway, '08:10', 10);
    write(gateway, '10:00', 1);
    await marked(gateway, '08');
    await gateway.stop();
    write(gateway, '08:30', 2);
    await gateway.start();
    await marked(gateway, '08', '_SUCCESS.r2');
    expect(names(gateway, '08').some((name) => name.startsWith('FlumeData-late.'))).toBe(true);
  });
});
