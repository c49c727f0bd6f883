/**
 * Goal: a support bundle tells what is wanted for help, whatever part of the engine is sick, stays within its bounds, and carries no secret out,
 * wherever one turned up. Method: the real writer over scripted answers that have secrets in every place, and a real configuration history; the
 * bytes that come out of the zip are searched. The bundle of a whole engine is made in test/cli/console-verbs.test.ts.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigStore } from '../../main/config/config-store.ts';
import { renewConsoleToken } from '../../main/control/console-token.ts';
import {
  BUNDLE_BYTES_MAX,
  ENTRY_BYTES_MAX,
  SupportBundleFile,
} from '../../main/engine/support-bundle-file.ts';
import { writeSupportBundle } from '../../main/engine/support-bundle.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { ScriptedApi } from '../control/scripted-api.ts';
import { statusOf } from '../telemetry/status-fixture.ts';

const NOW_MS = Date.UTC(2026, 10, 21);
/** Known to the engine: behind references of the running configuration, or written in a version of it. */
const KNOWN = [
  'behind-a-file-8315',
  'line one of a key\nline two of a key',
  'quote"and\\slash 7',
  'päss wörd/9',
  'old literal 4711',
];
/** Known to nobody: found by their shape. */
const SHAPED = ['url-password-99', 'bearer-token-77', 'deleg-ation-55', 'MIIEpQIBAAKCAQEA'];
const SHAPES = [
  'GET http://joe:url-password-99@nn1:9870/webhdfs',
  'authorization: Bearer bearer-token-77',
  `${'x'.repeat(3_000)} http://nn1:9870/x?delegation=deleg-ation-55`,
  '-----BEGIN RSA PRIVATE' + ' KEY-----\nMIIEpQIBAAKCAQEA\n-----END RSA PRIVATE' + ' KEY-----',
];
const EVERYWHERE = [...KNOWN, ...SHAPES].join(' | ');

let folder: string;
let stateDir: string;
let token: string;
let engine: ScriptedApi;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-bundle-'));
  stateDir = join(folder, 'state');
  mkdirSync(stateDir);
  chmodSync(stateDir, 0o710);
  token = renewConsoleToken(stateDir);
  const store = new ConfigStore(stateDir);
  const text = (password: string): string =>
    `sources:\n  a:\n    security: { sasl: { username: gw, password: ${JSON.stringify(password)} } }\n# ${SHAPES[0] ?? ''}\n`;
  await store.record({ text: text('old literal 4711'), by: 'joe', nowMs: 1 });
  await store.record({ text: text('${file:/etc/pw}'), by: 'joe', nowMs: 2 });
  engine = new ScriptedApi();
  script();
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(): void {
  const told = `${EVERYWHERE} ${token}`;
  const line = (id: number) => ({
    id,
    atMs: id,
    level: 'info',
    message: told,
    fields: { deep: { password: 'field-31', note: told } },
  });
  engine.answers.set('status', () => statusOf({ configProblems: [told], gateway: told }));
  engine.answers.set('configShow', () => ({ version: 1, file: '/f', yaml: `a: ${told}\n` }));
  engine.answers.set('configHistory', () => ({ versions: [{ number: 1, by: told }] }));
  engine.answers.set('alertHistory', () => ({ alerts: [{ message: told, hint: told, [told]: told }] }));
  engine.answers.set('logTail', ({ before }: { before?: number }) =>
    before === undefined ? { lines: [line(4), line(3)], next: 3 } : { lines: [line(2), line(1)] },
  );
  engine.answers.set('jobs', () => ({ jobs: [{ title: told }] }));
  engine.answers.set('backlogList', () => ({ rows: [{ directory: told }] }));
  engine.answers.set('landings', () => ({ rows: [{ path: told, sasl_password: 'field-31' }] }));
  engine.answers.set('quarantineGroups', () => ({ groups: [{ reason: told }] }));
  engine.answers.set('quarantineList', () => ({
    rows: [{ id: 5, reason: told, preview: 'a body of an event' }],
    total: 1,
  }));
}

const config = {
  sources: { a: { security: { sasl: { password: 'behind-a-file-8315' }, tls: { passphrase: KNOWN[1] } } } },
  sinks: { b: { 'x.secret': { deep: KNOWN[2] }, credentials: [KNOWN[3]] } },
} as unknown as GatewayConfig;

async function made(signal = new AbortController().signal): Promise<Record<string, string>> {
  const path = join(folder, 'bundle.zip');
  const steps: string[] = [];
  const run = { signal, progress: (step: string) => void steps.push(step) };
  await writeSupportBundle({ stateDir, api: engine.api, config, path, nowMs: NOW_MS, run });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(steps.length).toBeGreaterThan(10);
  const files = unzipSync(readFileSync(path));
  return Object.fromEntries(
    Object.entries(files).map(([name, data]) => [name, Buffer.from(data).toString()]),
  );
}

describe('secrets', () => {
  test('are nowhere in it, whichever answer they stood in, as written or encoded', async () => {
    const files = await made();
    const whole = Object.entries(files).flat().join('\n');
    const forms = [...KNOWN, ...SHAPED, token, 'field-31'].flatMap((secret) => [
      secret,
      ...secret.split('\n'),
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]);
    expect(forms.filter((form) => whole.includes(form))).toEqual([]);
    // What stood around them is there: they were taken out, not their places.
    expect(files['log.jsonl']?.trim().split('\n').length).toBe(4);
    expect(files['log.jsonl']).toContain('nn1:9870/webhdfs');
    expect(files['log.jsonl']).toContain('x'.repeat(3_000));
    expect(files['configuration/versions/000001.yaml']).toContain('username: gw');
    expect(files['configuration/versions/000002.yaml']).toContain('${file:/etc/pw}');
  });

  test('and events’ bodies are not in it', async () => {
    const files = await made();
    expect(files['quarantine.json']).toContain('"id": 5');
    expect(Object.values(files).join('\n')).not.toContain('a body of an event');
  });
});

describe('what is in it', () => {
  test('is listed in its manifest, with what could not be had and why', async () => {
    engine.answers.delete('landings');
    const files = await made();
    const manifest = JSON.parse(files['manifest.json'] ?? '') as {
      parts: { name: string; bytes: number; isCut: boolean }[];
      couldNotBeHad: { name: string; why: string }[];
    };
    expect(manifest.parts.map(({ name }) => name)).toEqual(
      Object.keys(files).filter((name) => name !== 'manifest.json'),
    );
    for (const { name, bytes } of manifest.parts)
      expect(Buffer.byteLength(files[name] ?? ''), name).toBe(bytes);
    // There is no channel in this directory.
    expect(manifest.couldNotBeHad.map(({ name }) => name)).toEqual(['landings.json', 'database.json']);
    expect(manifest.couldNotBeHad[0]?.why).toBe('landings is not scripted');
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(['machine.json', 'status.json', 'alerts.json', 'log.jsonl', 'disk.json']),
    );
    for (const [name, text] of Object.entries(files)) if (name.endsWith('.json')) JSON.parse(text);
  });

  test('stays within bounds, and says what was cut', async () => {
    const path = join(folder, 'large.zip');
    const file = await SupportBundleFile.create(path, NOW_MS);
    for (let number = 0; number < 12; number++)
      await file.add(`${number}.txt`, 'y'.repeat(ENTRY_BYTES_MAX + 1), 1024);
    await file.add('last.json', '{}');
    await file.finish();
    await file.close();
    expect(file.entries[0]).toEqual({ name: '0.txt', bytes: ENTRY_BYTES_MAX, isCut: true });
    expect(file.entries.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(BUNDLE_BYTES_MAX);
    expect(file.entries.at(-1)).toEqual({ name: 'last.json', bytes: 2, isCut: false });
    expect(Object.keys(unzipSync(readFileSync(path))).length).toBe(13);
  });

  test('is given up when the job is cancelled', async () => {
    const stop = new AbortController();
    engine.answers.set('jobs', () => {
      stop.abort(new Error('cancelled'));
      return { jobs: [] };
    });
    await expect(made(stop.signal)).rejects.toThrow('cancelled');
  });
});
